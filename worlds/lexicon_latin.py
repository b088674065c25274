"""Latin-script words of the generated worlds: surnames, given names with nicknames, company words, streets.

Word lists only; what is built from them is in `organizations` and `persons`.
"""

from itertools import accumulate

SURNAMES = (
    (
        "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Thomas Moore Martin Jackson Thompson White Harris Clark Lewis Robinson Walker "
        "Young Allen King Wright Scott Hill Green Adams Nelson Baker Hall Campbell Mitchell Carter Roberts Phillips Evans Turner Parker Edwards Collins Stewart "
        "Morris Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks Bennett Gray James Hughes Price "
        "Myers Long Foster Sanders Ross Powell Sullivan Russell Jenkins Perry Butler Barnes Fisher Henderson Coleman Simmons Patterson Jordan Reynolds Hamilton "
        "Graham Wallace West Cole Hayes Bryant Gibson Ellis Stevens Ford Marshall Owens McDonald Harrison Kennedy Wells Woods Freeman Webb Tucker Burns Crawford "
        "Olson Simpson Porter Hunter Gordon Shaw Snyder Mason Dixon Hunt Hicks Holmes Palmer Wagner Black Robertson Boyd Stone Warren Fox Rose Rice Mills Nichols "
        "Grant Knight Ferguson Hawkins Dunn Perkins Hudson Spencer Gardner Payne Pierce Berry Matthews Arnold Willis Ray Watkins Olsen Carroll Duncan Cunningham "
        "Bradley Lane Andrews Harper Fowler Armstrong Carpenter Weaver Greene Elliott Chapman Sims Kelley Franklin Lawson Fields Schmidt Carr Vasquez Wheeler "
        "Whitaker Barlow Bramley Cartwright Clegg Coates Dawson Denham Eastwood Fairclough Fenton Garside Hargreaves Hepworth Holroyd Illingworth Jagger Kershaw "
        "Langley Lockwood Midgley Naylor Oldfield Pickering Priestley Ramsden Rigby Schofield Shackleton Sutcliffe Thornton Tindall Varley Wainwright Whitworth "
        "Müller Schneider Fischer Weber Meyer Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger "
        "Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler Maier Walter König Mayer Huber Kaiser Fuchs Peters Scholz Möller Weiß Jung Hahn "
        "O'Brien O'Connor McCarthy MacLeod Novak Kowalski Petrov Ivanov Silva Santos Costa Rossi Ferrari Garcia Martinez Lopez Gonzalez Rodriguez Fernandez Patel "
        "Khan Singh Sharma Kaur Hussain Ahmed Ali Begum Nguyen Tran Kim Park Van Dijk De Vries Jansen Bakker Visser Hansen Nielsen Larsen Lindgren Berg"
    )
    .replace("Van Dijk", "Van_Dijk")
    .replace("De Vries", "De_Vries")
    .split()
)
SURNAMES = [s.replace("_", " ") for s in SURNAMES]

# given name: its nicknames
_MALE = """
James:Jim,Jimmy|Robert:Bob,Rob,Bobby|John:Jack,Johnny|Michael:Mike,Mick|William:Bill,Will,Billy|David:Dave|Richard:Rick,Dick,Rich|Joseph:Joe|Thomas:Tom,Tommy
Charles:Charlie,Chuck|Christopher:Chris|Daniel:Dan,Danny|Matthew:Matt|Anthony:Tony|Donald:Don|Steven:Steve|Andrew:Andy,Drew|Kenneth:Ken|Joshua:Josh|George:
Kevin:|Brian:|Edward:Ed,Eddie,Ted|Ronald:Ron|Timothy:Tim|Jason:|Jeffrey:Jeff|Ryan:|Jacob:Jake|Gary:|Nicholas:Nick|Eric:|Jonathan:Jon|Stephen:Steve|Larry:
Justin:|Scott:|Brandon:|Benjamin:Ben|Samuel:Sam|Gregory:Greg|Alexander:Alex|Patrick:Pat|Frank:|Raymond:Ray|Dennis:|Jerry:|Tyler:|Aaron:|Henry:Harry|Adam:
Douglas:Doug|Nathan:Nate|Peter:Pete|Zachary:Zach|Walter:Walt|Arthur:Art|Philip:Phil|Albert:Al,Bert|Lawrence:Larry|Frederick:Fred|Harold:Hal|Graham:|Neil:|Stuart:
Hans:|Klaus:|Jürgen:|Stefan:|Wolfgang:|Andreas:|Thorsten:|Matthias:|Karl:|Dieter:|Mohammed:|Imran:|Carlos:|Miguel:|Marco:|Lukas:|Sven:|Lars:|Piotr:|Ivan:
"""
_FEMALE = """
Mary:Molly|Patricia:Pat,Trish|Jennifer:Jen,Jenny|Linda:|Elizabeth:Liz,Beth,Betty|Barbara:Barb|Susan:Sue|Jessica:Jess|Sarah:Sally|Karen:|Lisa:|Nancy:|Betty:|Sandra:
Margaret:Maggie,Peggy|Ashley:|Kimberly:Kim|Emily:|Donna:|Michelle:|Carol:|Amanda:Mandy|Melissa:|Deborah:Deb,Debbie|Stephanie:Steph|Rebecca:Becky|Laura:|Sharon:
Cynthia:Cindy|Dorothy:Dot|Amy:|Kathleen:Kathy|Angela:Angie|Shirley:|Emma:|Brenda:|Pamela:Pam|Nicole:Nicky|Samantha:Sam|Katherine:Kate,Kathy|Christine:Chris,Tina
Helen:|Rachel:|Carolyn:|Janet:|Maria:|Catherine:Cathy,Kate|Heather:|Diane:|Olivia:|Julie:|Joyce:|Victoria:Vicky|Ruth:|Virginia:Ginny|Lauren:|Kelly:|Christina:Tina
Joan:|Evelyn:|Judith:Judy|Andrea:|Hannah:|Megan:|Alice:|Jacqueline:Jackie|Teresa:Terry|Gillian:Gill|Fiona:|Ursula:|Petra:|Monika:|Sabine:|Claudia:|Anja:|Fatima:|Priya:
"""


def _names(text: str) -> dict[str, tuple[str, ...]]:
    pairs = (item.split(":") for item in text.replace("\n", "|").strip("|").split("|"))
    return {name: tuple(n for n in nick.split(",") if n) for name, nick in pairs}


MALE = _names(_MALE)
FEMALE = _names(_FEMALE)
NICKNAMES = {**MALE, **FEMALE}

FIRST_WORDS = (
    "Northern Southern Eastern Western Pacific Atlantic Continental Global United National Royal Premier Prime First Summit Pinnacle Apex Crown Eagle Falcon "
    "Phoenix Titan Atlas Vanguard Pioneer Liberty Heritage Keystone Cornerstone Granite Iron Silver Golden Blue Red Green White Black Bright Clear Swift Rapid "
    "Direct Reliable Trusted Allied Central Metro Urban Coastal Highland Midland Riverside Lakeside Harbour Bridge Gateway Crossroads Evergreen Cedar Oakwood "
    "Maple Willow Ashford Kingsway Queensway Victoria Albion Caledonian Cambrian Nordic Baltic Alpine Rhein Hansa Delta Sigma Omega Alpha Nova Orion Vega Polar "
    "Zenith Horizon Compass Anchor Beacon Lighthouse Meridian Equinox Solstice Trident Sterling Regal Noble Monarch Castle Tower"
).split()
SECOND_WORDS = (
    "Star Way Line Link Point Gate Ridge Valley Field Stone Wood Park View Hill Creek River Lake Bay Cross Arrow Shield Wheel Road Path Trail Track Route Peak "
    "Rock Sky Sun Moon Wind Storm Fire Wave Force Power Edge Core Net Hub Port Dock Yard Mill Forge Works Land Coast Shore"
).split()
# (word in the name, industry label, relative frequency)
TRADES = (
    ("Logistics", "Road transport", 14),
    ("Transport", "Road transport", 12),
    ("Haulage", "Road transport", 8),
    ("Freight", "Road transport", 6),
    ("Trucking", "Road transport", 6),
    ("Express", "Courier", 3),
    ("Couriers", "Courier", 2),
    ("Coaches", "Passenger transport", 4),
    ("Travel", "Passenger transport", 3),
    ("Bus Lines", "Passenger transport", 2),
    ("Construction", "Construction", 6),
    ("Building Supplies", "Building materials", 3),
    ("Concrete", "Building materials", 2),
    ("Aggregates", "Building materials", 2),
    ("Engineering", "Engineering", 4),
    ("Plant Hire", "Rental", 2),
    ("Truck Rental", "Rental", 2),
    ("Motors", "Vehicle trade", 4),
    ("Commercial Vehicles", "Vehicle trade", 3),
    ("Auto Parts", "Vehicle trade", 2),
    ("Waste Services", "Waste", 3),
    ("Recycling", "Waste", 2),
    ("Foods", "Food", 3),
    ("Farms", "Agriculture", 2),
    ("Timber", "Timber", 2),
    ("Steel", "Metals", 2),
    ("Removals", "Road transport", 2),
    ("Warehousing", "Storage", 2),
    ("Supply Chain", "Storage", 2),
    ("Trading", "Wholesale", 3),
    ("Industries", "Manufacturing", 3),
    ("Energy", "Energy", 2),
)
TRADE_CUM = tuple(accumulate(t[2] for t in TRADES))
FORMS = {
    "GB": (("Ltd", 60), ("Limited", 28), ("PLC", 6), ("LLP", 6)),
    "US": (("Inc.", 42), ("LLC", 40), ("Corp.", 10), ("Co.", 8)),
    "DE": (("GmbH", 64), ("AG", 8), ("GmbH & Co. KG", 22), ("KG", 6)),
}
SAME_FORM = {
    "Ltd": ("Limited", "Ltd.", "LTD"),
    "Limited": ("Ltd", "Ltd."),
    "PLC": ("plc", "P.L.C."),
    "LLP": ("L.L.P.",),
    "Inc.": ("Inc", "Incorporated", "INC"),
    "LLC": ("L.L.C.", "llc"),
    "Corp.": ("Corporation", "Corp"),
    "Co.": ("Company", "Co"),
    "GmbH": ("Gmbh", "G.m.b.H."),
    "AG": ("Aktiengesellschaft",),
    "GmbH & Co. KG": ("GmbH und Co. KG", "GmbH & Co KG"),
    "KG": ("Kommanditgesellschaft",),
}

STREETS = (
    "Main Oak Maple Park Church Mill Station High Victoria King Queen Bridge Green London York Albert George School Chapel New North South West East Hill "
    "River Lake Forest Cedar Pine Elm Washington Lincoln Jefferson Franklin Madison Jackson Adams Monroe Harrison Cherry Walnut Spruce Chestnut Willow Sunset "
    "Meadow Spring Garden Prospect Highland Pleasant Center Union Liberty Market Commerce Industrial Enterprise Airport Railway Canal Dock Harbour Foundry "
    "Quarry Orchard Vine Rose Lilac Birch Poplar Sycamore Magnolia Laurel Hawthorn Grange Manor Abbey Priory Castle Tower Moor Heath Warren Farm Bailey "
    "Stanley Clarence Clifton Windsor Richmond Warwick Oxford Cambridge Lancaster Norfolk Suffolk Essex Devon Cornwall Durham Chester Stafford Derby Lincoln"
).split()
STREETS_DE = (
    "Haupt Bahnhof Garten Schul Dorf Berg Birken Linden Wald Ring Industrie Kirch Wiesen Feld Hafen Mühlen Goethe Schiller Mozart Beethoven Rosen Tannen "
    "Eichen Buchen Park Markt Post Burg Brücken See Rhein Main Donau Elbe Weser Sonnen Blumen Ahorn Friedrich Wilhelm Kaiser König Bismarck Luther Lessing"
).split()
STREET_TYPES = {
    "GB": (
        ("Street", "St"),
        ("Road", "Rd"),
        ("Lane", "Ln"),
        ("Avenue", "Ave"),
        ("Close", "Cl"),
        ("Drive", "Dr"),
        ("Way", "Way"),
    ),
    "US": (
        ("Street", "St"),
        ("Avenue", "Ave"),
        ("Road", "Rd"),
        ("Drive", "Dr"),
        ("Boulevard", "Blvd"),
        ("Lane", "Ln"),
        ("Court", "Ct"),
        ("Parkway", "Pkwy"),
    ),
}
TITLES = (
    "Fleet Manager",
    "Managing Director",
    "Purchasing Manager",
    "Transport Manager",
    "Owner",
    "Driver",
    "Dispatcher",
    "Operations Director",
    "Accountant",
)
