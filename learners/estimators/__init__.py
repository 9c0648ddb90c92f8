"""The learners behind River's interface, for pipelines and evaluation."""
