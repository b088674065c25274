"""Names that systems give to things beside the vocabulary: attributes, entity types, keys, cursors, tombstones."""

from __future__ import annotations

SYNONYMS: dict[str, tuple[str, ...]] = {
    "name": (
        "company",
        "account",
        "company_name",
        "account_name",
        "cust_name",
        "customer_name",
        "organisation",
        "公司名称",
        "客户名称",
        "单位名称",
    ),
    "name_en": ("english_name", "name_english", "英文名称"),
    "short_name": ("abbreviation", "简称"),
    "tax_id": ("uscc", "credit_code", "tax_no", "vat", "vat_id", "tax_number", "统一社会信用代码", "税号"),
    "registration_id": ("reg_no", "registration_no", "company_number", "注册号"),
    "phone": ("tel", "mobile", "telephone", "phone1", "phone2", "phone_number", "cell", "电话", "手机", "联系电话"),
    "email": ("mail", "e_mail", "email_address", "邮箱", "电子邮件"),
    "website": ("url", "web", "homepage", "domain", "网址", "网站"),
    "address_line": ("address", "addr", "street", "address1", "address_1", "registered_address", "地址", "详细地址"),
    "district": ("county", "区县"),
    "city": ("town", "suburb", "城市"),
    "province": ("state", "region", "省份"),
    "postal_code": ("zip", "zipcode", "zip_code", "postcode", "post_code", "邮编"),
    "country": ("country_code", "nation", "国家"),
    "industry": ("sector", "branch_of_industry", "行业"),
    "employees": ("headcount", "staff", "员工人数"),
    "fleet_size": ("vehicles", "trucks", "fleet", "车辆数"),
    "status": ("account_status", "状态"),
    "account_owner": ("owner", "sales_rep", "客户经理"),
    "segment": ("tier", "customer_segment", "客户级别"),
    "parent_key": ("parent", "parent_id", "parent_account", "上级客户"),
    "full_name": ("name", "contact_name", "person_name", "姓名", "联系人"),
    "given_name": ("first_name", "firstname", "forename", "名"),
    "family_name": ("last_name", "lastname", "surname", "姓"),
    "gender": ("sex", "性别"),
    "birth_date": ("date_of_birth", "dob", "birthday", "born", "出生日期", "生日"),
    "national_id": ("id_number", "id_card", "idno", "ssn", "passport", "身份证号"),
    "job_title": ("title", "position", "role", "职务", "职位"),
    "organization_key": ("account_id", "company_id", "customer_id", "所属公司"),
}
"""Attribute → names, compared without case and separators."""

ENTITY_NAMES: dict[str, tuple[str, ...]] = {
    "organization": (
        *("account", "company", "organization", "organisation", "customer", "client", "dealer", "vendor", "supplier"),
        *("business_partner", "partner", "公司", "客户", "经销商", "单位", "企业"),
    ),
    "person": (
        *("contact", "person", "people", "user", "lead", "employee", "member", "subscriber", "driver"),
        *("联系人", "人员", "线索", "用户"),
    ),
    "vehicle": ("vehicle", "car", "truck", "asset", "equipment", "fleet", "车辆"),
    "touchpoint": (
        *(
            "order",
            "opportunity",
            "deal",
            "quote",
            "ticket",
            "case",
            "complaint",
            "visit",
            "activity",
            "campaign_response",
        ),
        *("contract", "payment", "delivery", "service_order", "event", "task", "call", "meeting", "sale", "invoice"),
        *("订单", "商机", "报价", "工单", "投诉", "拜访", "合同", "回款", "活动"),
    ),
    "relation": ("relation", "relationship", "account_contact", "membership", "assignment", "关系"),
}
"""Entity type → what streams of it are called, in the singular."""

KEY_NAMES = ("id", "key", "no", "number", "code", "guid", "uuid", "编号", "主键")
CURSOR_NAMES = (
    *("updated_at", "modified_at", "modified_on", "last_modified", "last_modified_date", "last_update", "updated"),
    *("changed_at", "changed_on", "write_date", "systemmodstamp", "sys_updated_on", "update_time", "modify_time"),
    *("last_modified_time", "last_update_date", "lastmodifieddate", "修改时间", "更新时间", "最后修改时间"),
    *("changed", "modified", "更新日期", "修改日期", "最后更新时间", "最后更新日期", "最后修改日期"),
)
DELETED_NAMES = ("is_deleted", "deleted", "isdeleted", "del_flag", "is_delete", "deleted_flag", "archived", "是否删除")
