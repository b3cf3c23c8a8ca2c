//! Running the platform: what admins keep account of, and what they set for everybody.

pub mod agent_override;
pub mod audit_log;
pub mod event_role;
pub mod event_service;
pub mod financial_report;
pub mod image_sizes;
pub mod letter;
pub mod localization_setting;
pub mod message_setting;
pub mod page;
pub mod seeds;
pub mod settings;
pub mod stored_filter;
pub mod system_role;
pub mod ticket_fee;
pub mod tool;
pub mod user_permission;
