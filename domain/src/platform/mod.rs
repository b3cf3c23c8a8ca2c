//! Running the platform: what admins keep account of, and what they set for everybody.

pub mod agent_override;
pub mod audit_log;
pub mod financial_report;
pub mod localization_setting;
pub mod stored_filter;
pub mod tool;
