from __future__ import annotations

import copy
import json
import threading

import pytest
import torch
from safetensors.torch import load_file, save_file

from encoders.llm.adapter import BASE, CONFIG, WEIGHTS
from encoders.llm.errors import AdapterError
from encoders.llm.load import load_language_model
from encoders.llm.training.loss import score_candidates
from tests.encoders.llm.tiny_folder import write_adapter, write_tiny

PROMPT, TITLES = "Heat\nNext:", ["Alien", "Brazil", "Ran"]


def scores(model):
    return score_candidates(model, PROMPT, TITLES).tolist()


def test_adapters_whose_names_share_a_prefix_do_not_touch_each_other(tiny, adapter):
    plain = scores(tiny)
    one = tiny.with_adapter(adapter("news", seed=1), "news")
    alone = scores(one)
    two = tiny.with_adapter(adapter("news2", seed=2), "news2")
    three = tiny.with_adapter(adapter("new", seed=3), "new")
    assert scores(one) == alone
    assert scores(tiny) == plain
    found = [plain, alone, scores(two), scores(three)]
    assert all(a != b for place, a in enumerate(found) for b in found[:place])
    assert len({tiny.version, one.version, two.version, three.version}) == 4


def test_weights_of_the_base_are_shared_and_stay_what_they_were(tiny, adapter):
    before = copy.deepcopy(tiny.model.state_dict())
    adapted = tiny.with_adapter(adapter("a"))
    inner = adapted.model.get_base_model()
    assert inner.model.embed_tokens.weight is tiny.model.model.embed_tokens.weight
    scores(adapted)
    for name, weights in tiny.model.state_dict().items():
        assert torch.equal(weights, before[name])
    assert not any(each.requires_grad for each in adapted.model.parameters())


def test_an_adapter_is_put_on_the_base_never_on_another_adapter(tiny, adapter):
    folder = adapter("a")
    again = tiny.with_adapter(adapter("b", seed=5)).with_adapter(folder)
    once = tiny.with_adapter(folder)
    assert scores(again) == scores(once)
    assert again.version == once.version == f"{tiny.version}+{once.version.split('+')[1]}"
    assert again.base is tiny


def test_an_adapter_is_loaded_with_the_model_where_one_is_named(tiny, tiny_folder, adapter):
    folder = adapter("a")
    loaded = load_language_model(str(tiny_folder), adapter=folder)
    assert loaded.version == tiny.with_adapter(folder).version


def test_models_of_eight_threads_answer_each_from_its_own_adapter(tiny, adapter):
    models = [tiny, *(tiny.with_adapter(adapter(f"a{seed}", seed)) for seed in range(3))]
    wanted = [scores(model) for model in models]
    wrong = []

    def ask(number):
        for turn in range(6):
            place = (number + turn) % len(models)
            if scores(models[place]) != wanted[place]:
                wrong.append(place)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def _cut(folder):
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-10])


def _change(folder, change):
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def _without_one(folder):
    _change(folder, lambda tensors: tensors.pop(min(tensors)))


def _renamed(folder):
    _change(folder, lambda tensors: tensors.update({"x.lora_A.weight": torch.zeros(4, 32)}))


def _nan(folder):
    _change(folder, lambda tensors: tensors[min(tensors)].fill_(float("nan")))


def _wider(folder):
    def widen(tensors):
        name = next(name for name in tensors if "lora_A" in name)
        tensors[name] = torch.zeros(4, tensors[name].shape[1] + 1)

    _change(folder, widen)


def _settings(folder, **told):
    path = folder / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


DAMAGE = {
    "empty weights": (lambda f: (f / WEIGHTS).write_bytes(b""), "is empty"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), f"there is no {WEIGHTS}"),
    "no tensors": (lambda f: save_file({}, f / WEIGHTS), "holds no weights"),
    "truncated": (_cut, "broken or cut off"),
    "noise": (lambda f: (f / WEIGHTS).write_bytes(b"\x00" * 64), "broken or cut off"),
    "one missing": (_without_one, "weights are missing, such as"),
    "one too many": (_renamed, "have no place here"),
    "another width": (_wider, "where .* is needed"),
    "not finite": (_nan, "not finite"),
    "another rank": (lambda f: _settings(f, r=8), "where .* is needed"),
    "other layers": (lambda f: _settings(f, target_modules=["nowhere"]), "does not fit this model"),
    "no settings": (lambda f: (f / CONFIG).unlink(), f"there is no {CONFIG}"),
    "settings cut": (lambda f: (f / CONFIG).write_text('{"peft_type"'), "cannot be read"),
    "no LoRA": (lambda f: _settings(f, peft_type="IA3"), "does not describe a LoRA adapter"),
    "no rank": (lambda f: _settings(f, r=0), "does not fit this model"),
    "another base": (lambda f: (f / BASE).write_text('{"base": "lm-9-ab"}'), "made for the model"),
    "no base named": (lambda f: (f / BASE).write_text("{}"), "cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_adapter_is_refused_with_the_reason_and_the_model_goes_on(tiny, adapter, damage):
    folder, plain = adapter("bad"), scores(tiny)
    harm, reason = DAMAGE[damage]
    harm(folder)
    with pytest.raises(AdapterError, match=reason):
        tiny.with_adapter(folder)
    assert scores(tiny) == plain


def test_an_adapter_of_a_wider_model_is_refused(tiny, tmp_path):
    wide = load_language_model(str(write_tiny(tmp_path / "wide", seed=0, hidden=64)))
    folder = write_adapter(wide, tmp_path / "adapter", seed=1)
    (folder / BASE).unlink()  # as another program writes it
    with pytest.raises(AdapterError, match=r"has the shape .* where .* is needed"):
        tiny.with_adapter(folder)


def test_an_adapter_that_names_no_base_is_taken_if_it_fits(tiny, adapter):
    folder = adapter("foreign")
    (folder / BASE).unlink()
    assert scores(tiny.with_adapter(folder)) != scores(tiny)
