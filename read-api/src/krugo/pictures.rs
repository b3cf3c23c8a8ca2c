//! `images`: pictures of what is in the catalogue, and those of the app.

use caravan_domain::EntityId;
use caravan_domain::catalogue::picture::{Motif, PICTURE, Picture, no_such_picture};
use caravan_files::pictures::Size;
use caravan_wire::krugo::pictures as shapes;
use caravan_wire::{Answer, Call, Failure, Outcome};
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::Read;
use crate::reads::bounded;

#[derive(Deserialize)]
struct Images {
    motif: String,
    count: Option<u32>,
    size: Option<Size>,
    /// An id says already what it is of.
    #[serde(rename = "object_type")]
    _object_type: Option<String>,
}

pub(super) async fn of_motif(call: Call<Read>) -> Outcome {
    let Images { motif, count, size, .. } = call.query()?;
    let size = size.unwrap_or(Size::Medium);
    let read = &call.state;
    let pictures = read.models.pictures(&Motif::named(&motif)?, bounded(count)?).await?;
    let shape =
        pictures.iter().map(|found| shapes::image(found.id, &found.picture, found.rank, size.name(), &read.public_url));
    Ok(Answer::json(shape.collect()))
}

#[derive(Deserialize)]
struct NamedImage {
    image_id: EntityId,
    size: Size,
}

/// The bytes of a picture, for everybody: whoever shows it asks without a token.
pub(super) async fn file(call: Call<Read>) -> Outcome {
    /// It stays as it is, unless it is deleted.
    const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=86400");
    let NamedImage { image_id, size } = call.query()?;
    let no_such = || Failure::from(no_such_picture());
    let picture = call.state.models.record::<Picture>(&PICTURE, image_id).await?.ok_or_else(no_such)?.state;
    let shown = call.state.pictures.shown(&picture.file.to_string(), size, call.now).await?.ok_or_else(no_such)?;
    Ok(Answer::raw(shown.media_type, shown.bytes).header(header::CACHE_CONTROL, CACHED))
}
