"""Names of made-up people: as written, and in plain Latin letters as an e-mail address or another system has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A given or family name as its owner writes it, and its form in ASCII."""

    written: str
    latin: str


@dataclass(frozen=True, slots=True)
class Culture:
    """Names that go together, and how often (relative to the others) they are drawn."""

    weight: int
    given: tuple[Name, ...]
    family: tuple[Name, ...]


def _names(*spelled: str) -> tuple[Name, ...]:
    """Returns names given as "written=latin", or as one word when both are the same."""
    return tuple(Name(word.partition("=")[0], word.partition("=")[2] or word) for word in spelled)


CULTURES = (
    Culture(  # Kenya
        30,
        _names("Wanjiku", "Otieno", "Achieng", "Kamau", "Njeri", "Mwangi", "Akinyi", "Kipchoge", "Zawadi", "Baraka"),
        _names("Kariuki", "Odhiambo", "Wambui", "Mutua", "Ochieng", "Njoroge", "Kiprono", "Ng'ang'a=Nganga", "Wekesa"),
    ),
    Culture(  # English-speaking
        26,
        _names("Jane", "John", "Grace", "Liam", "Emily", "Noah", "Mary-Ann", "Oscar", "Ruth", "Peter"),
        _names("Doe", "Smith", "O'Brien", "Murphy", "Taylor", "McDonald", "van Dyke", "Baker", "Lee", "Young"),
    ),
    Culture(  # Accents
        20,
        _names("José=Jose", "Zoë=Zoe", "Søren=Soren", "Amélie=Amelie", "Łukasz=Lukasz", "Björk=Bjork", "Çağla=Cagla"),
        _names(
            "García=Garcia", "Müller=Muller", "Strauß=Strauss", "Nuñez=Nunez", "Dvořák=Dvorak", "İpek=Ipek", "Lévy=Levy"
        ),
    ),
    Culture(  # Arabic
        8,
        _names("محمد=Mohamed", "فاطمة=Fatima", "يوسف=Yusuf", "ليلى=Layla", "عمر=Omar", "نور=Noor"),
        _names("الحسن=Alhassan", "الخطيب=Alkhatib", "منصور=Mansour", "حداد=Haddad", "سليم=Salim"),
    ),
    Culture(  # Chinese
        8,
        _names("伟=Wei", "秀英=Xiuying", "明=Ming", "小红=Xiaohong", "建国=Jianguo"),
        _names("王=Wang", "李=Li", "张=Zhang", "陈=Chen", "欧阳=Ouyang"),
    ),
    Culture(  # Japanese and Korean
        7,
        _names("由紀=Yuki", "さくら=Sakura", "ケン=Ken", "민준=Minjun", "서연=Seoyeon"),
        _names("田中=Tanaka", "鈴木=Suzuki", "山本=Yamamoto", "김=Kim", "박=Park"),
    ),
    Culture(  # Cyrillic
        8,
        _names("Ольга=Olga", "Дмитрий=Dmitry", "Наталія=Nataliia", "Йован=Jovan", "Светлана=Svetlana"),
        _names("Иванова=Ivanova", "Шевченко=Shevchenko", "Петров=Petrov", "Ђорђевић=Djordjevic", "Щукин=Shchukin"),
    ),
    Culture(  # Amharic
        6,
        _names("አበበ=Abebe", "ሰላም=Selam", "ዳዊት=Dawit", "ትዕግስት=Tigist", "መስፍን=Mesfin"),
        _names("በቀለ=Bekele", "ተስፋዬ=Tesfaye", "ገብረ=Gebre", "አለሙ=Alemu"),
    ),
    Culture(  # Devanagari, Greek, Hebrew, Thai
        6,
        _names("प्रिया=Priya", "अर्जुन=Arjun", "Ελένη=Eleni", "Γιώργος=Giorgos", "נועה=Noa", "สมชาย=Somchai"),
        _names("शर्मा=Sharma", "पटेल=Patel", "Παπαδόπουλος=Papadopoulos", "כהן=Cohen", "แก้ว=Kaew"),
    ),
)

COMPANIES = (
    "Acme Ltd",
    "Nairobi Roasters",
    "Müller & Söhne",
    "Blue Ocean Freight",
    "Société Générique",
    "株式会社サンプル",
    "Safari Optics",
    "ООО Пример",
    "Example Holdings",
    "Kilimo Fresh",
)
