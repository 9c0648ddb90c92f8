"""The learners behind River's interface, for pipelines and evaluation.

>>> from river import feature_extraction
>>> from learners.estimators import IntentClassifier
>>> model = feature_extraction.BagOfWords() | IntentClassifier()
>>> for text, need in [("a red lamp", "light"), ("tea for two", "drink"), ("a desk lamp", "light")]:
...     model.learn_one(text, need)
>>> model.predict_one("any lamp")
'light'
"""

from learners.estimators.intent import (
    IntentClassifier,
    MixtureClassifier,
    NearestClassifier,
    PrototypeClassifier,
)
from learners.estimators.preference import PreferenceClassifier

__all__ = [
    "IntentClassifier",
    "MixtureClassifier",
    "NearestClassifier",
    "PreferenceClassifier",
    "PrototypeClassifier",
]
