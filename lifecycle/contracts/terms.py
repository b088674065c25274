"""What things, attributes, values and forms are called in English and Chinese."""

from __future__ import annotations

THINGS = {
    "customer": ("customer", "客户"),
    "contact": ("contact", "联系人"),
    "vehicle": ("vehicle", "车辆"),
    "relation": ("relation", "关系"),
    "delivered_vehicle": ("vehicle that was delivered to this customer", "已交付给该客户的车辆"),
}
ATTRIBUTES = {
    "type": ("type", "类型"), "stage": ("stage", "阶段"), "occurred_at": ("date", "发生日期"),
    "party_key": ("customer", "客户"), "contact_key": ("contact", "联系人"), "vin": ("VIN", "车架号"),
    "refers_to": ("reference", "关联单据"), "owner": ("owner", "负责人"), "amount": ("amount", "金额"),
    "status": ("status", "状态"), "due_at": ("due date", "计划日期"), "closed_at": ("closing date", "关闭日期"),
    "valid_from": ("start of validity", "生效日期"), "valid_to": ("end of validity", "失效日期"),
    "subject": ("subject", "主题"), "product": ("product", "产品"), "quantity": ("quantity", "数量"),
    "reason": ("reason", "原因"), "competitor": ("competitor", "竞争对手"), "channel": ("channel", "渠道"),
    "mileage": ("mileage", "里程"), "plate": ("number plate", "车牌"), "role": ("role", "角色"),
    "model": ("model", "车型"), "produced_on": ("date of production", "生产日期"),
    "delivered_on": ("date of delivery", "交车日期"), "name": ("name", "名称"), "full_name": ("name", "姓名"),
    "tax_id": ("tax number", "统一社会信用代码"), "phone": ("phone", "电话"), "email": ("e-mail", "邮箱"),
    "website": ("website", "网址"), "industry": ("industry", "行业"), "employees": ("number of employees", "员工人数"),
    "fleet_size": ("fleet size", "车队规模"), "account_owner": ("account owner", "客户负责人"),
    "segment": ("segment", "客户级别"), "buying_role": ("buying role", "决策角色"),
    "influence": ("influence", "影响力"), "affinity": ("affinity", "亲密度"),
    "job_title": ("job title", "职务"), "consent": ("consent", "同意"),
    "city": ("city", "城市"), "province": ("province", "省份"), "kind": ("new or existing", "新老客户"),
    "recorded": ("time at which the source wrote the record", "源系统记录时间"),
}  # fmt: skip
FORMS = {
    "vin": ("a valid VIN", "有效的车架号"),
    "plate": ("a number plate", "车牌号"),
    "phone": ("a phone number that can be dialled", "可拨打的电话号码"),
    "email": ("an e-mail address", "有效的邮箱地址"),
    "tax_id": ("a tax number whose check character fits", "校验位正确的统一社会信用代码"),
}
VALUES = {
    "open": "进行中", "converted": "已转化", "won": "赢", "lost": "失败", "met": "已满足", "dropped": "已放弃",
    "withdrawn": "已撤回", "delivered": "已交付", "cancelled": "已取消", "paid": "已付款", "solved": "已解决",
    "done": "已完成", "buyer": "购车方", "owner": "车主", "operator": "运营方", "driver": "驾驶员", "dealer": "经销商",
    "account_team": "客户团队", "new": "新客户", "existing": "存量客户",
}  # fmt: skip
PERIODS = {"week": ("week", "周"), "month": ("month", "月"), "quarter": ("quarter", "季度"), "year": ("year", "年")}
MATCH = {
    "refers": (" that refers to it", "（关联该单据）"),
    "vehicle": (" of the same vehicle", "（同一车辆）"),
    "customer": (" with the same customer", "（同一客户）"),
}
