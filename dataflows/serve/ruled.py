"""Which rules a request for a list is answered by."""

from __future__ import annotations

from dataflows.rules.book import NamedRules, one_name_each
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.answers import BadRequestError
from dataflows.serve.api_types import ListRequest


def rules_of(rules: RulesInForce, asked: ListRequest) -> NamedRules:
    """Return the rules of the scenario that is asked for; those of the request come beside them.

    Raises BadRequestError for a scenario that is none, and for two rules of one name.
    """
    found = rules.scenario(asked.scenario)
    if found is None:
        raise BadRequestError(
            f"scenario is {asked.scenario!a}, and {rules.known_scenarios}; name one of the file of "
            "rules (rules.file), or leave it out"
        )
    try:
        one_name_each((*found.rules, *asked.rules))
    except ValueError as error:
        raise BadRequestError(f"rules: {error}") from error
    return found
