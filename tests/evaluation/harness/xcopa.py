"""Rows in XCOPA's layout, written for these tests: a premise, its cause or effect, and two choices."""

ROWS = {
    "it": [
        ("Il gatto dorme.", "Era stanco.", "Era rosso.", "cause", 0),
        ("La porta era aperta.", "Il libro cantò.", "Entrò il vento.", "effect", 1),
        ("Piove da tre giorni.", "Il fiume è alto.", "Il fiume è secco.", "effect", 0),
        ("La donna prese l'ombrello.", "Aveva fame.", "Pioveva.", "cause", 1),
        ("Il bambino cadde.", "Si mise a ridere la sedia.", "Si fece male.", "effect", 1),
        ("La lampada si spense.", "Mancava la corrente.", "Mancava il pane.", "cause", 0),
    ],
    "tr": [
        ("Kedi uyuyor.", "Yorgundu.", "Kırmızıydı.", "cause", 0),
        ("Kapı açıktı.", "Kitap şarkı söyledi.", "İçeri rüzgar girdi.", "effect", 1),
        ("Üç gündür yağmur yağıyor.", "Nehir yükseldi.", "Nehir kurudu.", "effect", 0),
        ("Kadın şemsiyesini aldı.", "Açtı.", "Yağmur yağıyordu.", "cause", 1),
        ("Çocuk düştü.", "Sandalye güldü.", "Canı yandı.", "effect", 1),
        ("Lamba söndü.", "Elektrik kesildi.", "Ekmek bitti.", "cause", 0),
    ],
    "zh": [
        ("猫在睡觉。", "它累了。", "它是红的。", "cause", 0),
        ("门开着。", "书唱起歌来。", "风吹了进来。", "effect", 1),
        ("下了三天雨。", "河水涨了。", "河水干了。", "effect", 0),
        ("女人拿了雨伞。", "她饿了。", "天在下雨。", "cause", 1),
        ("孩子摔倒了。", "椅子笑了。", "他受伤了。", "effect", 1),
        ("灯灭了。", "停电了。", "没有面包了。", "cause", 0),
    ],
    "sw": [
        ("Paka analala.", "Alikuwa amechoka.", "Alikuwa mwekundu.", "cause", 0),
        ("Mlango ulikuwa wazi.", "Kitabu kiliimba.", "Upepo uliingia.", "effect", 1),
        ("Mvua imenyesha siku tatu.", "Mto umejaa.", "Mto umekauka.", "effect", 0),
        ("Mwanamke alichukua mwavuli.", "Alikuwa na njaa.", "Mvua ilinyesha.", "cause", 1),
        ("Mtoto alianguka.", "Kiti kilicheka.", "Aliumia.", "effect", 1),
        ("Taa ilizimika.", "Umeme ulikatika.", "Mkate uliisha.", "cause", 0),
    ],
}
FIELDS = ("premise", "choice1", "choice2", "question", "label")


def rows() -> dict[str, list[dict]]:
    """Language to rows with ids."""
    return {
        language: [{**dict(zip(FIELDS, row, strict=True)), "idx": number} for number, row in enumerate(own)]
        for language, own in ROWS.items()
    }
