"""The flow of a whole process, for whoever runs it with Bytewax's own command.

`python -m bytewax.run dataflows.app.flow:get_flow` runs it with the configuration that the
environment variable PENCHANT_CONFIG names; `penchant run` does the same and also stops
cleanly.
"""

from __future__ import annotations

from bytewax.dataflow import Dataflow

from dataflows.lifecycle.signals import hold_back


def get_flow() -> Dataflow:
    """Return the flow for `python -m bytewax.run`, from the file that PENCHANT_CONFIG names."""
    hold_back()  # before what takes long to import
    from dataflows.app.run import flow_from_environment

    return flow_from_environment()
