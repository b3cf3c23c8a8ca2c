//! How large the renditions of pictures are made: one record for events, one for speakers.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::{Record, Who};

/// Widths and heights in pixels, qualities in percent; an aspect says whether a picture keeps its proportions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct EventImageSizes {
    #[garde(range(min = 1, max = 10_000))]
    pub full_width: u32,
    #[garde(range(min = 1, max = 10_000))]
    pub full_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub full_quality: u32,
    #[garde(skip)]
    pub full_aspect: Option<bool>,
    #[garde(range(min = 1, max = 10_000))]
    pub icon_width: u32,
    #[garde(range(min = 1, max = 10_000))]
    pub icon_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub icon_quality: u32,
    #[garde(skip)]
    pub icon_aspect: Option<bool>,
    #[garde(range(min = 1, max = 10_000))]
    pub thumbnail_width: u32,
    #[garde(range(min = 1, max = 10_000))]
    pub thumbnail_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub thumbnail_quality: u32,
    #[garde(skip)]
    pub thumbnail_aspect: Option<bool>,
    #[garde(range(min = 1, max = 10_000))]
    pub logo_width: Option<u32>,
    #[garde(range(min = 1, max = 10_000))]
    pub logo_height: Option<u32>,
    #[garde(length(chars, min = 1, max = 100))]
    pub r#type: String,
}

pub const EVENT_IMAGE_SIZES: Record =
    Record::of::<EventImageSizes>("event_image_sizes").known(Who::SignedIn).changed(STAFF);

/// Of square pictures: their side in pixels, and qualities in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct SpeakerImageSizes {
    #[garde(range(min = 1, max = 10_000))]
    pub icon_size_width_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub icon_size_quality: u32,
    #[garde(range(min = 1, max = 10_000))]
    pub small_size_width_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub small_size_quality: u32,
    #[garde(range(min = 1, max = 10_000))]
    pub thumbnail_size_width_height: u32,
    #[garde(range(min = 1, max = 100))]
    pub thumbnail_size_quality: Option<u32>,
    #[garde(length(chars, min = 1, max = 100))]
    pub r#type: String,
}

pub const SPEAKER_IMAGE_SIZES: Record =
    Record::of::<SpeakerImageSizes>("speaker_image_sizes").known(Who::SignedIn).changed(STAFF);
