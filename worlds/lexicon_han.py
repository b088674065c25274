"""Chinese words of the generated worlds: surnames by frequency, given names, trade names, trades, roads, and the ways to mistype them.

Word lists only; what is built from them is in `organizations` and `persons`.
"""

from functools import cache
from itertools import accumulate

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

# Surnames with their share of the population in per mille (rounded, public registration statistics).
_SURNAMES = """王72李72张68刘53陈46杨32黄23赵21吴20周20徐16孙15马13朱12胡12郭11何11林11高10罗9郑9梁8谢7宋7唐7许6邓6韩6冯6曹6彭6曾5肖5田5董5潘5袁5蔡5
蒋5余5于5杜4叶4程4魏4苏4吕4丁4任4卢4姚4沈4钟4姜4崔4谭4陆4范3汪3廖3石3金3韦3贾3夏3付3方3邹3熊3白3孟3秦3邱3侯3江3尹3薛3闫2段2雷2龙2黎2史2陶2贺2毛2郝2顾2龚2邵2万2
覃2武2钱2戴2严2莫2孔2向2常2汤2康1易1乔1赖1文1施1洪1辛1柯1庄1温1牛1樊1葛1邢1安1齐1伍1庞1颜1倪1聂1章1鲁1岳1翟1申1欧1耿1关1兰1焦1俞1左1柳1甘1祝1包1宁1符1阮1尚1舒1纪1梅1童1"""
_COMPOUND = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙")

MALE = (
    "伟强磊军勇杰涛斌超波辉刚健明亮平建国华文志海峰鹏飞龙浩宇博俊凯旭东林宏庆永生德福成祥振兴光荣义忠良民胜利新春学森立武宁安康翔天佑嘉豪晨阳子轩泽瑞铭昊然逸睿哲智毅"
    "恒诚启航景程远达广仁贵全友才金根宝清山河川江南北西中正洪泉松柏"
)
FEMALE = "芳娜敏静丽艳娟霞秀英玲桂兰红梅燕萍慧婷玉珍莉雪琴云洁琳晶莹佳欣怡雨晴梦瑶诗涵紫萱若彤美凤翠香菊莲淑贞春秋月华素蓉倩妍颖露瑜琪蕾薇菲悦思雅馨语嘉宁心苗可依晓丹"

# Characters of trade names, the popular first; drawn with falling weight.
TRADE = (
    "顺达通鑫盛宏远安华泰恒兴隆永丰源新天龙金瑞德信诚和福祥利明海东方中联众合万佳美星辰飞腾凯捷运驰迅畅广大正旺茂昌荣富裕康吉庆嘉银玉宝亿百千长江河湖山川泉峰岭云雷"
    "雨霖阳光辉耀晨曦春秋夏冬青蓝翔鹏鹰凤鸿雁骏马骐骥虎啸力强劲锐锋创智博文卓越超群领航帆舟港济世民惠仁义礼贤良友邦国京鲁豫皖苏浙赣湘鄂粤桂滇黔蜀秦晋冀辽九三五六八"
    "立成建业伟雄奇特优胜杰诺亚欧菲曼斯普乐益康迈维拓展开元亨贞启程途路桥"
)
POPULAR = (
    "顺达 宏达 通达 恒通 安达 鑫源 鑫达 盛达 永安 华通 远通 中通 万通 捷通 顺通 顺丰源 宏运 鸿运 鸿达 恒达 恒信 恒泰 恒盛 华盛 华泰 华兴 东方 东升 金龙 金马 金鑫 鑫盛 鑫隆 兴隆 兴达 "
    "兴盛 昌盛 昌达 永顺 永达 永盛 永昌 广源 广达 广通 联运 联达 联众 众诚 众达 众合 长安 长通 长运 平安 平顺 国泰 国通 天顺 天通 天成 天龙 飞龙 飞达 腾达 腾飞 凯达 凯旋 瑞达 瑞丰 "
    "瑞通 德润 德顺 德通 诚信 诚达 诚通 信达 信通 佳运 佳通 吉运 吉通 福运 福顺 祥运 祥和 利达 利通 聚源 聚鑫 顺安 顺捷 捷达 捷顺 安顺 安通 安捷 安泰 大通 大运"
).split()

# (Chinese trade word, English, what an address book writes as the industry, relative frequency)
TRADES = (
    ("物流", "Logistics", "道路运输", 16),
    ("运输", "Transportation", "道路运输", 14),
    ("货运", "Freight", "道路运输", 6),
    ("供应链管理", "Supply Chain Management", "商务服务", 4),
    ("汽车销售", "Auto Sales", "汽车销售", 5),
    ("汽车服务", "Auto Service", "汽车修理", 4),
    ("汽车贸易", "Auto Trade", "汽车销售", 3),
    ("工程机械", "Construction Machinery", "制造业", 3),
    ("建筑工程", "Construction", "建筑业", 5),
    ("商贸", "Trading", "批发零售", 6),
    ("贸易", "Trade", "批发零售", 5),
    ("实业", "Industry", "制造业", 3),
    ("科技", "Technology", "信息技术", 4),
    ("冷链物流", "Cold Chain Logistics", "道路运输", 3),
    ("快运", "Express", "道路运输", 3),
    ("客运", "Passenger Transport", "道路客运", 3),
    ("旅游客运", "Coach Tours", "道路客运", 2),
    ("公共交通", "Public Transit", "道路客运", 2),
    ("危险品运输", "Dangerous Goods Transport", "道路运输", 2),
    ("混凝土", "Concrete", "建材", 3),
    ("建材", "Building Materials", "建材", 3),
    ("农业", "Agriculture", "农林牧渔", 2),
    ("食品", "Foods", "食品制造", 2),
    ("环保科技", "Environmental Technology", "环保", 2),
    ("市政工程", "Municipal Engineering", "建筑业", 2),
    ("汽车租赁", "Auto Leasing", "租赁", 2),
    ("机械制造", "Machinery", "制造业", 2),
    ("渣土运输", "Muck Haulage", "道路运输", 1),
    ("矿业", "Mining", "采矿业", 1),
    ("园林绿化", "Landscaping", "建筑业", 1),
    ("国际货运代理", "International Forwarding", "商务服务", 2),
    ("仓储", "Warehousing", "仓储", 3),
    ("电子商务", "E-Commerce", "批发零售", 2),
)
TRADE_CUM = tuple(accumulate(t[3] for t in TRADES))

# Sole traders: trade word with its own ending, no limited form.
SOLE_TRADES = (
    "运输服务部",
    "货运部",
    "物流经营部",
    "汽车修理厂",
    "汽修部",
    "运输车队",
    "货运信息部",
    "汽配经营部",
    "土石方工程队",
    "农机服务部",
)

ROAD_STEMS = (
    "人民 解放 建设 中山 和平 胜利 新华 文化 长江 黄河 泰山 工业 友谊 东风 朝阳 光明 幸福 团结 民主 青年 文昌 迎宾 滨河 滨海 环城 兴业 创业 科技 科学 学府 大学 振兴 复兴 富强 繁荣 "
    "昌盛 金山 银河 珠江 淮海 北京 上海 南京 天津 重庆 广州 济南 青岛 西安 成都 华山 衡山 嵩山 昆仑 天山 祁连 太行 松花江 鸭绿江 嘉陵 岷江 湘江 赣江 钱塘 太湖 洞庭 鄱阳 巢湖 洪泽 "
    "红旗 五一 七一 八一 十月 劳动 新建 新兴 新民 永安 永福 长安 安康 健康 花园 公园 体育 车站 站前 机场 港口 码头 物流 交通 汽车 钢铁 矿山 化工 纺织 电力 水利 农林 果园 柳林 杨树 "
    "梧桐 银杏 桃园 杏花 玉兰 紫荆 凤凰 龙泉 龙山 虎山 狮子 白云 黑龙 青龙 玉龙 金龙 石桥 大桥 南湖 北湖 东湖 西湖 翠湖 明湖"
).split()
ROAD_TAILS = ("路", "路", "路", "大街", "大道", "街", "东路", "西路", "南路", "北路", "中路")
SITES = ("物流园", "汽车城", "工业园", "货运市场", "商务大厦", "国际广场", "科技园", "公路港", "建材市场", "创业中心")
TITLES = (
    "总经理",
    "副总经理",
    "采购经理",
    "车队长",
    "物流经理",
    "财务经理",
    "办公室主任",
    "驾驶员",
    "调度",
    "业务员",
    "董事长",
    "安全主管",
)
SALUTATIONS = ("总", "经理", "先生", "主任", "队长", "师傅")

# Characters that are typed for one another: same sound, or nearly the same shape.
_CONFUSED = (
    "达大 顺舜 通同 鑫新欣馨 宏鸿洪红 盛胜晟圣 华桦花 远源元 恒衡 兴星 隆龙 丰峰锋沣 天田 金锦 瑞锐 诚成程城 福富 祥翔 利力立莉丽 明铭 海亥 东冬 联连 合和 万皖 佳嘉家 飞菲 腾藤 凯恺 "
    "捷杰 迅讯 广光 正政 茂贸 荣容 裕玉 吉极 银盈 亿益易 伟玮维炜 强墙 磊雷 军君钧 勇永 涛滔 斌彬宾 超潮 波博 辉晖徽 刚钢 健建 亮量 平萍 志智致 鹏朋 浩昊皓 俊骏 旭绪 林琳 庆青清 生升 德得 "
    "芳方 敏民 静晶婧 艳燕 娟鹃 霞侠 秀绣 英瑛 玲凌灵 兰岚 梅美 慧惠 婷亭 珍真 雪学 云芸 洁杰 莹颖 怡宜 雨宇语 梦孟 诗思 涵晗 萱轩 张章 王汪 李黎 陈程 杨阳 赵招 吴武 徐许 孙荪 郭国 "
    "余于俞 江姜蒋 肖萧 付傅 闫阎 邱丘 安鞍 运云 顶鼎 振震镇 晨辰 启起"
).split()


@cache
def surnames() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Surnames and their cumulated weights (compound ones together about 2 ‰)."""
    names: list[str] = []
    weights: list[int] = []
    for char in _SURNAMES.replace("\n", ""):
        if char.isdigit():
            weights[-1] = weights[-1] * 10 + int(char)
        else:
            names.append(char)
            weights.append(0)
    weights = [w * 4 for w in weights] + [1] * len(_COMPOUND)
    return (*names, *_COMPOUND), tuple(accumulate(weights))


@cache
def falling(n: int, flat: int = 15) -> tuple[float, ...]:
    """Cumulated weights 1/(rank + flat): the first of a list often, the last seldom."""
    return tuple(accumulate(1.0 / (i + flat) for i in range(n)))


@cache
def confused() -> dict[str, str]:
    """Character → the characters it is mistaken for."""
    out: dict[str, str] = {}
    for group in _CONFUSED:
        for char in group:
            out[char] = out.get(char, "") + group.replace(char, "")
    return out


@cache
def syllable(char: str) -> str:
    """The usual pinyin of one character, without tone."""
    return str(lazy_pinyin(char, style=Style.NORMAL)[0])


def pinyin(text: str) -> list[str]:
    """Syllables of a text, character by character (the generator's words hold no readings that depend on context)."""
    return [syllable(c) for c in text]


@cache
def _to_traditional() -> OpenCC:
    return OpenCC("s2t")


def traditional(text: str) -> str:
    """The text in traditional characters."""
    return str(_to_traditional().convert(text))
