//! Every kind there is: one line each.

use crate::Kind;

/// All kinds, aggregates and records. Documents, search indexes, rebuild and verify follow this list.
pub const KINDS: &[&Kind] = &[
    &crate::catalogue::city::CITY.kind,
    &crate::catalogue::event::KIND,
    &crate::catalogue::event_kinds::CUSTOM_PLACEHOLDER.kind,
    &crate::catalogue::event_kinds::EVENT_SUB_TOPIC.kind,
    &crate::catalogue::event_kinds::EVENT_TOPIC.kind,
    &crate::catalogue::event_kinds::EVENT_TYPE.kind,
    &crate::catalogue::import::IMPORT.kind,
    &crate::catalogue::performer::PERFORMER.kind,
    &crate::catalogue::picture::PICTURE.kind,
    &crate::catalogue::picture_votes::KIND,
    &crate::catalogue::region::REGION.kind,
    &crate::catalogue::trending_event::TRENDING_EVENT.kind,
    &crate::catalogue::venue::VENUE.kind,
    &crate::identity::account::KIND,
    &crate::identity::mailing_lists::MAILING_LISTS.kind,
    &crate::identity::notices::MAIL_NOTICES.kind,
    &crate::identity::notices::PUSH_NOTICES.kind,
    &crate::identity::notices::SMS_NOTICES.kind,
    &crate::identity::preferences::PREFERENCES.kind,
    &crate::identity::claim::KIND,
    &crate::identity::roster::KIND,
    &crate::identity::sign_up::KIND,
    &crate::identity::user_group::GROUP_MEMBER.kind,
    &crate::identity::user_group::USER_GROUP.kind,
    &crate::platform::agent_override::AGENT_OVERRIDE.kind,
    &crate::platform::audit_log::AUDIT_LOG.kind,
    &crate::platform::event_role::EVENT_ROLE.kind,
    &crate::platform::event_service::EVENT_SERVICE.kind,
    &crate::platform::event_service::ROLE_PERMISSION.kind,
    &crate::platform::financial_report::FINANCIAL_REPORT.kind,
    &crate::platform::image_sizes::EVENT_IMAGE_SIZES.kind,
    &crate::platform::image_sizes::SPEAKER_IMAGE_SIZES.kind,
    &crate::platform::letter::KIND,
    &crate::platform::localization_setting::LOCALIZATION_SETTING.kind,
    &crate::platform::message_setting::MESSAGE_SETTING.kind,
    &crate::platform::page::PAGE.kind,
    &crate::platform::settings::SETTINGS.kind,
    &crate::platform::stored_filter::STORED_FILTER.kind,
    &crate::platform::system_role::PANEL.kind,
    &crate::platform::system_role::SYSTEM_ROLE.kind,
    &crate::platform::ticket_fee::TICKET_FEE.kind,
    &crate::platform::tool::TOOL.kind,
    &crate::platform::user_permission::USER_PERMISSION.kind,
    &crate::stays::amenity::AMENITY.kind,
    &crate::trips::crew::KIND,
    &crate::trips::likes::KIND,
    &crate::trips::trip_idea::KIND,
    &crate::trips::booking::KIND,
];

/// The kind of a name.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}
