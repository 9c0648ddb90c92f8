"""What a user may set about rules: section `[rules]`."""

from __future__ import annotations

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings


class RulesSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[rules]`: what may stand in lists, and where. docs/how-to/rules.md has examples."""

    file: PathText | None = None
    """A TOML file of rules and scenarios, read anew when it changes and at SIGHUP."""
