//! Which of rentals' objects show which records.

use caravan_domain::identity::user_group::{GROUP_MEMBER, USER_GROUP};
use caravan_domain::platform::agent_override::AGENT_OVERRIDE;
use caravan_domain::platform::audit_log::AUDIT_LOG;
use caravan_domain::platform::financial_report::FINANCIAL_REPORT;
use caravan_domain::platform::localization_setting::LOCALIZATION_SETTING;
use caravan_domain::platform::tool::TOOL;
use caravan_domain::stays::amenity::AMENITY;

use super::users::USER;
use super::{filters, objects};
use crate::exposure::{Exposure, Objects};
use crate::face::camel_case;

pub static OBJECTS: Objects = Objects {
    exposures: &[
        Exposure::of("AuditLog", &AUDIT_LOG),
        Exposure::of("FinancialReport", &FINANCIAL_REPORT).amounts(&[
            "total_revenue",
            "total_payouts",
            "total_refunds",
            "city_tax_by_location",
        ]),
        Exposure::of("ListingAmenity", &AMENITY),
        Exposure::of("LocalizationSetting", &LOCALIZATION_SETTING),
        Exposure::of("Sys_agentOverride", &AGENT_OVERRIDE),
        Exposure::of("Sys_toolCatalog", &TOOL).touched(&["lastRefreshed"]),
        USER,
        Exposure::of("UserGroup", &USER_GROUP),
        Exposure::of("UserGroupMember", &GROUP_MEMBER).people(&[("user", "user_id")]),
    ],
    visited: false,
    about: objects::about,
    id: objects::id,
    changes: objects::changes,
    joins: objects::joins,
    wants: |_, _| Ok(vec![]),
    question: filters::question,
    kept: objects::kept,
    one: objects::one,
    page: objects::page,
    gone: objects::one,
    place: |_, field| camel_case(field).into_owned(),
};
