//! Which of open-event's resources show which records, and what leads from one to another.

use caravan_domain::catalogue::event_kinds::{CUSTOM_PLACEHOLDER, EVENT_SUB_TOPIC, EVENT_TOPIC, EVENT_TYPE};
use caravan_domain::platform::event_role::EVENT_ROLE;
use caravan_domain::platform::event_service::{EVENT_SERVICE, ROLE_PERMISSION};
use caravan_domain::platform::image_sizes::{EVENT_IMAGE_SIZES, SPEAKER_IMAGE_SIZES};
use caravan_domain::platform::message_setting::MESSAGE_SETTING;
use caravan_domain::platform::page::PAGE;
use caravan_domain::platform::settings::SETTINGS;
use caravan_domain::platform::system_role::{PANEL, SYSTEM_ROLE};
use caravan_domain::platform::ticket_fee::TICKET_FEE;
use caravan_domain::platform::user_permission::USER_PERMISSION;

use super::{asking, document, resource};
use crate::exposure::{Exposure, Objects, Relation};

pub static OBJECTS: Objects =
    Objects {
        exposures: &[
            Exposure::of("CustomPlaceholder", &CUSTOM_PLACEHOLDER)
                .path("custom-placeholders")
                .relations(&[Relation::one("event-sub-topic", "EventSubTopic", "event_sub_topic")]),
            Exposure::of("CustomSystemRole", &SYSTEM_ROLE).path("custom-system-roles").relations(&[Relation::listed(
                "panel-permissions",
                "PanelPermission",
                "panel_permissions",
            )]),
            Exposure::of("EventImageSize", &EVENT_IMAGE_SIZES).path("event-image-sizes"),
            Exposure::of("EventRolePermission", &ROLE_PERMISSION)
                .path("event-role-permissions")
                .relations(&[Relation::one("role", "Role", "role"), Relation::one("service", "Service", "service")]),
            Exposure::of("EventSubTopic", &EVENT_SUB_TOPIC).path("event-sub-topics").relations(&[
                Relation::one("event-topic", "EventTopic", "event_topic"),
                Relation::first("custom-placeholder", "CustomPlaceholder", "event_sub_topic"),
            ]),
            Exposure::of("EventTopic", &EVENT_TOPIC).path("event-topics").relations(&[Relation::all(
                "event-sub-topics",
                "EventSubTopic",
                "event_topic",
            )]),
            Exposure::of("EventType", &EVENT_TYPE).path("event-types"),
            Exposure::of("MessageSetting", &MESSAGE_SETTING).path("message-settings").owned(&[
                "action",
                "email_message",
                "notification_message",
            ]),
            Exposure::of("Page", &PAGE).path("pages"),
            Exposure::of("PanelPermission", &PANEL).path("panel-permissions").relations(&[Relation::listing(
                "custom-system-roles",
                "CustomSystemRole",
                "panel_permissions",
            )]),
            Exposure::of("Role", &EVENT_ROLE).path("roles"),
            Exposure::of("Service", &EVENT_SERVICE).path("services"),
            Exposure::of("Setting", &SETTINGS).path("settings"),
            Exposure::of("SpeakerImageSize", &SPEAKER_IMAGE_SIZES).path("speaker-image-sizes"),
            Exposure::of("TicketFee", &TICKET_FEE).path("ticket-fees").amounts(&["maximum_fee"]),
            Exposure::of("UserPermission", &USER_PERMISSION).path("user-permissions"),
        ],
        visited: true,
        about: resource::about,
        id: resource::id,
        changes: document::changes,
        joins: |_| false,
        wants: asking::wants,
        question: asking::question,
        kept: |_| None,
        one: resource::one,
        page: resource::page,
        gone: |_, _, _| resource::deleted(),
        place: document::place,
    };
