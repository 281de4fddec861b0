"""What the provenance of a laboratory says: what else its numbers depend on."""

import workbench as wb
from tests.laboratories.cases import public
from workbench.results.make import provenance

LAB = wb.laboratories


def test_the_provenance_tells_trainings_apart():
    given = public()["laboratories.more_from_less"]
    made = provenance(LAB.more_from_less(**given | {"trainable": LAB.layers([1])}))
    assert made["parameters"]["trained"] == ["de", "en"] and made["parameters"]["trainable"] == "layers"
    assert made["parameters"]["items"] == 1 and made["parameters"]["steps"] == 4
    pool = provenance(LAB.prompt_pool(**public()["laboratories.prompt_pool"]))["parameters"]
    assert (pool["pool"], pool["length"]) == (2, 1)


def test_the_provenance_of_layers_names_them_and_the_base():
    made = provenance(LAB.language_layers(**public()["laboratories.language_layers"]))["parameters"]
    assert made["layers"] == [1] and made["trained"] == ["de", "en"]
    seen = provenance(LAB.vision_layers(**public()["laboratories.vision_layers"]))
    assert seen["model"]["name"] == "LlamaForCausalLM"
    assert seen["parameters"]["layers"] == [1] and seen["parameters"]["vision_steps"] == 12
