"""What was decided about models, as the status and the metrics tell it."""

from dataflows.registry.decisions import Evidence, GateDecision
from dataflows.registry.manifest import Promotion
from dataflows.serve.metrics.model_history import LOOK_EVERY, ModelHistory
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.status import VersionInForce
from tests.dataflows.serve.metrics.running import families_of, value

OLD, NEW = "encoder-0001-00000000", "encoder-0002-00000000"


class Registry:
    """Stands for a registry, and counts how often it is read."""

    def __init__(self):
        self.made, self.decided, self.looks, self.is_away = [], [], 0, False

    def promotions(self, after):
        self.looks += 1
        if self.is_away:
            raise ConnectionError("no store answers")
        return [one for one in self.made if one.sequence > after]

    def newest_decision(self):
        return len(self.decided) - 1

    def decisions(self, after):
        return self.decided[after + 1 :]

    def promote(self, version, action="promote"):
        number = len(self.made)
        self.made.append(
            Promotion(
                sequence=number,
                kind="encoder",
                version=version,
                previous="",
                action=action,
                reason=f"reason {number}",
                time=float(10 * number),
            )
        )

    def decide(self, verdict, at):
        evidence = Evidence("encoder", 100, {}, None)
        decision = GateDecision("encoder", verdict, ("too little",), evidence, ("a note",))
        self.decided.append(replaced(decision, candidate=NEW, time=at))


def replaced(decision, **fields):
    return type(decision)(
        **{name: getattr(decision, name) for name in decision.__struct_fields__} | fields
    )


def test_versions_in_force_and_decisions_are_told_the_newest_first():
    registry, now = Registry(), [0.0]
    history = ModelHistory(registry, lambda: now[0])
    registry.promote(OLD)
    registry.promote(NEW)
    registry.decide("refuse", 5.0)
    registry.decide("promote", 9.0)
    history.look()
    encoder, language = history.in_force()
    assert encoder == VersionInForce(kind="encoder", version=NEW, previous=OLD)
    assert language == VersionInForce(kind="language", version="", previous=None)
    assert [(one.time, one.action, one.reasons) for one in history.decided()] == [
        (10.0, "promote", ("reason 1",)),
        (9.0, "passed", ("a note",)),
        (5.0, "refused", ("too little",)),
        (0.0, "promote", ("reason 0",)),
    ]
    registry.promote(OLD, "rollback")
    history.look(now=True)
    assert history.in_force()[0] == VersionInForce(kind="encoder", version=OLD, previous="")
    metrics = Metrics()
    metrics.add(history.gather)
    families = families_of(metrics.text()[0].decode())
    name = "penchant_gate_decisions_total"
    assert value(families, name, kind="encoder", verdict="refuse") == 1
    assert value(families, "penchant_promotions_total", action="promote") == 2
    assert value(families, "penchant_promotions_total", action="rollback") == 1


def test_a_registry_is_read_now_and_then_and_may_be_away(caplog):
    registry, now = Registry(), [0.0]
    history = ModelHistory(registry, lambda: now[0])
    registry.promote(OLD)
    history.look()
    registry.promote(NEW)
    history.look()
    assert (registry.looks, history.in_force()[0].version) == (1, OLD)
    now[0], registry.is_away = LOOK_EVERY, True
    history.look()
    assert "the registry of models cannot be read: no store answers" in caplog.text
    assert history.in_force()[0].version == OLD
    now[0], registry.is_away = 2 * LOOK_EVERY, False
    history.look()
    assert history.in_force()[0].version == NEW
    assert len(history.decided()) == 2
