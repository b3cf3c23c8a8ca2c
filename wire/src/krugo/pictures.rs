//! Shapes of the `images` group.

use caravan_domain::EntityId;
use caravan_domain::catalogue::picture::Picture;
use serde_json::{Value, json};

use crate::Bounds;
use crate::face::MIB;
use crate::shape::set;

/// An `Image`: a picture in one size.
pub fn image(id: EntityId, picture: &Picture, rank: i64, size: &str, public_url: &str) -> Value {
    let mut shape = json!({
        "id": picture.motif(),
        "md5Hash": picture.md5,
        "size": size,
        "imageUrl": image_url(id, size, public_url),
        "name": picture.name,
        "rank": rank,
    });
    set(&mut shape, "author", picture.author.as_ref());
    shape
}

/// Where a picture is, in one size.
pub fn image_url(id: EntityId, size: &str, public_url: &str) -> String {
    format!("{}/dev/images/{id}/{size}", public_url.trim_end_matches('/'))
}

/// A picture comes from staff alone.
pub(super) fn bounds(operation: &str) -> Bounds {
    match operation {
        "upload-image" => Bounds { of_staff: 11 * MIB, ..Bounds::USUAL },
        _ => Bounds::USUAL,
    }
}
