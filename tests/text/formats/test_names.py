"""Files of a folder by their names: which are kept apart, which collide, and which are left out with a word."""

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadCorpus, UnknownLanguage
from workbench.text import languages
from workbench.text.formats.names import language_at_end

FLORES = """
ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn amh_Ethi apc_Arab arb_Arab arb_Latn ars_Arab
ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl bem_Latn
ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab
crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn
fao_Latn pes_Arab fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr
hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn
jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor knc_Arab knc_Latn kaz_Cyrl kbp_Latn
kea_Latn khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kon_Latn kor_Hang kmr_Latn lao_Laoo lvs_Latn lij_Latn lim_Latn
lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva
min_Arab min_Latn mkd_Cyrl plt_Latn mlt_Latn mni_Beng khk_Cyrl mos_Latn mri_Latn zsm_Latn mya_Mymr nld_Latn nno_Latn
nob_Latn npi_Deva nso_Latn nus_Latn nya_Latn oci_Latn gaz_Latn ory_Orya pag_Latn pan_Guru pap_Latn pol_Latn por_Latn
prs_Arab pbt_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn
slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn als_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn
swh_Latn szl_Latn tam_Taml tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi taq_Latn taq_Tfng tpi_Latn tsn_Latn
tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn
war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zul_Latn
"""


def fill(folder, **files):
    for name, text in files.items():
        stem, _, ending = name.rpartition("__")
        (folder / f"{stem}.{ending}").write_text(text)
    return folder


def test_no_two_languages_of_flores_are_one(tmp_path):
    codes = FLORES.split()
    assert len(codes) == len(set(codes)) == 204
    forms = {code: languages.check(code) for code in codes}
    assert len(set(forms.values())) == 204
    assert {code: forms[code] for code in ("aka_Latn", "twi_Latn", "prs_Arab", "pes_Arab", "zho_Hant")} == {
        "aka_Latn": "ak",
        "twi_Latn": "tw",
        "prs_Arab": "fa-AF",
        "pes_Arab": "fa",
        "zho_Hant": "zh-Hant",
    }
    for code in codes:
        (tmp_path / f"{code}.dev").write_text(f"{code} one\n{code} two\n")
    corpus = wb.load_corpus(tmp_path)
    assert corpus.texts == {forms[code]: (f"{code} one", f"{code} two") for code in sorted(codes)}


def test_what_collides_without_being_asked_for_does_no_harm(tmp_path):
    fill(tmp_path, de__txt="a\n", deu__txt="b\n", en__txt="c\n", pt_BR__txt="d\n")
    with pytest.raises(BadCorpus, match=r"de\.txt and deu\.txt are both in 'de'"):
        wb.load_corpus(tmp_path)
    with pytest.raises(BadCorpus, match=r"de\.txt and deu\.txt are both in 'de'"):
        wb.load_corpus(tmp_path, languages="German")
    assert wb.load_corpus(tmp_path, languages="en").texts == {"en": ("c",)}
    table = pd.DataFrame({"de": ["a"], "deu": ["b"], "en": ["c"]})
    with pytest.raises(BadCorpus, match="two columns are in 'de'"):
        wb.load_corpus(table, languages="de,en")
    assert wb.load_corpus(table, languages="en").texts == {"en": ("c",)}


@pytest.mark.parametrize(
    ("other", "text", "code"),
    [
        ("frr__txt", "b\n", "frr"),
        ("text_fr__txt", "b\n", "fr"),
        ("fr__jsonl", '{"text": "b"}\n', "fr"),
        ("fr__csv", "text\nb\n", "fr"),
        ("notes__txt", "b\n", None),
    ],
)
def test_a_file_that_is_left_out_is_named_and_read_when_asked_for(tmp_path, other, text, code):
    fill(tmp_path, de__txt="a\n", **{other: text})
    name = other.replace("__", ".")
    with pytest.warns(UserWarning, match=rf"do not belong to de\.txt are left out: {name}; "):
        corpus = wb.load_corpus(tmp_path)
    assert (corpus.texts, corpus.ignored) == ({"de": ("a",)}, (name,))
    if code:
        corpus = wb.load_corpus(tmp_path, languages=[code, "de"])
        assert (corpus.texts, corpus.aligned, corpus.ignored) == ({code: ("b",), "de": ("a",)}, False, ())
        assert wb.load_corpus(tmp_path, languages=code).texts == {code: ("b",)}
        assert wb.load_corpus(tmp_path, languages=[code, "de"], aligned=True).aligned


def test_a_language_asked_for_that_no_file_has_is_refused(tmp_path):
    fill(tmp_path, de__txt="a\n", fr__jsonl='{"text": "b"}\n')
    with pytest.raises(UnknownLanguage, match=r"'sv'.*has: de"):
        wb.load_corpus(tmp_path, languages="fr,sv")
    fill(tmp_path, frr__txt="c\n")
    assert wb.load_corpus(tmp_path / "frr.txt", languages="frr").texts == {"frr": ("c",)}


def test_a_table_in_the_language_of_another_is_refused(tmp_path):
    fill(tmp_path, de__csv="language,text\nde,Tag\n", es__csv="language,text\nde,Nacht\n")
    with pytest.raises(BadCorpus, match=r"es\.csv is in 'es' by its name, .* in 'de' .*, as de\.csv is"):
        wb.load_corpus(tmp_path)
    fill(tmp_path, es__csv="language,text\nes,Noche\n")
    assert wb.load_corpus(tmp_path).texts == {"de": ("Tag",), "es": ("Noche",)}


@pytest.mark.parametrize(
    ("task", "language"),
    [
        *(("xcopa_id", "id"), ("xnli_zh", "zh"), ("global_mmlu_full_de", "de"), ("include_base_44_german", "de")),
        *(("belebele_deu_Latn", "de"), ("belebele_zho_Hans", "zh"), ("belebele_zho_Hant", "zh-Hant")),
        *(("belebele_arb_Latn", "ar-Latn"), ("belebele_ind_Latn", "id"), ("hellaswag_zh-TW", "zh-Hant")),
        *(("xwinograd_jp", "ja"), ("xnli_iw", "he"), ("afrimmlu_direct_hau", "ha")),
        *(("mmlu_pro", None), ("ai2_arc", None), ("arc_easy", None), ("mmlu", None), ("hellaswag", None)),
    ],
)
def test_the_language_at_the_end_of_a_tasks_name(task, language):
    assert language_at_end(task) == language
