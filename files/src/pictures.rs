//! Pictures: what is taken for one, and the sizes that are shown of it. Only what was drawn anew is ever shown: nothing
//! of a file's metadata (place, camera) or of what else it may hold is in it.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageResult, Limits};
use md5::{Digest, Md5};
use tokio::sync::Semaphore;

use crate::{Files, FilesError, OwnFile, Purpose};

/// The largest file, in bytes.
pub const LARGEST: usize = 10 * 1024 * 1024;
/// The most pixels: 6,000 by 4,000.
pub const MOST_PIXELS: u64 = 24_000_000;
/// What one may take in memory while it is read, in bytes.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// How long a picture waits for others that are being drawn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of JPEG.
const QUALITY: u8 = 85;

/// Pictures as they came.
pub const ORIGINALS: Purpose = Purpose::named("pictures");
/// Pictures in the sizes that are shown. Another release may draw them otherwise, so they do not stay for ever.
pub const RENDITIONS: Purpose = Purpose::named("renditions").lasting(TimeDelta::days(30));

/// Why a file is taken for no picture; the text goes on from the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is larger than 10 MiB")]
    TooLarge,
    #[error("is no picture: expected JPEG, PNG or WebP")]
    NoPicture,
    #[error("is another picture than it is called: {0}")]
    Disguised(&'static str),
    #[error("moves: expected a picture that stands still")]
    Animated,
    #[error("has more than 24 million pixels")]
    TooManyPixels,
    #[error("is a picture that cannot be read")]
    Broken,
}

#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("too many pictures are being drawn")]
    Busy,
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// How large a picture is shown. None is ever drawn larger than it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// At most 320 pixels wide and high.
    Small,
    /// 800.
    Medium,
    /// 1,600.
    Large,
    /// The middle of it, 150 pixels wide and high.
    Thumbnail,
}

impl Size {
    pub const ALL: [Size; 4] = [Size::Small, Size::Medium, Size::Large, Size::Thumbnail];

    pub fn name(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Medium => "medium",
            Size::Large => "large",
            Size::Thumbnail => "thumbnail",
        }
    }

    pub fn of(name: &str) -> Option<Size> {
        Size::ALL.into_iter().find(|size| size.name() == name)
    }
}

/// A picture in one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// The MD5 of a file, by which clients tell the pictures of one thing apart: 32 hexadecimal digits.
pub fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pictures among the files. They are drawn one at a time: each takes a processor and up to 256 MiB of memory.
#[derive(Debug, Clone)]
pub struct Pictures {
    files: Files,
    drawing: Arc<Semaphore>,
}

impl Pictures {
    pub fn new(files: Files) -> Pictures {
        Pictures { files, drawing: Arc::new(Semaphore::new(1)) }
    }

    /// Keeps a picture under a name of its own; refuses what is none, or another than `called`, which is a media type
    /// or the ending of a file's name.
    pub async fn keep(&self, name: &str, bytes: Vec<u8>, called: Option<&str>) -> Result<(), PictureError> {
        let called = called.map(str::to_owned);
        let checked = move |bytes: Vec<u8>| check(&bytes, called.as_deref()).map(|()| bytes);
        let bytes = self.at_work(bytes, checked).await?;
        Ok(self.files.keep(OwnFile { purpose: &ORIGINALS, owner: None, name }, bytes).await?)
    }

    /// Whether there is one of this name.
    pub async fn has(&self, name: &str) -> Result<bool, FilesError> {
        let original = OwnFile { purpose: &ORIGINALS, owner: None, name };
        Ok(self.files.find(&original.path()).await?.is_some())
    }

    /// Deletes a picture in all its sizes.
    pub async fn delete(&self, name: &str) -> Result<(), FilesError> {
        self.files.discard(OwnFile { purpose: &ORIGINALS, owner: None, name }).await?;
        for size in Size::ALL {
            let drawn = drawn_name(name, size);
            self.files.discard(OwnFile { purpose: &RENDITIONS, owner: None, name: &drawn }).await?;
        }
        Ok(())
    }

    /// A picture in one size, drawn when it is first asked for; none where there is none of this name.
    pub async fn shown(&self, name: &str, size: Size, now: DateTime<Utc>) -> Result<Option<Rendition>, PictureError> {
        let drawn = drawn_name(name, size);
        let drawn = OwnFile { purpose: &RENDITIONS, owner: None, name: &drawn };
        if let Some(bytes) = self.files.kept(drawn, now).await? {
            let format = image::guess_format(&bytes).map_err(|_| Fault::Broken)?;
            return Ok(Some(Rendition { media_type: format.to_mime_type(), bytes }));
        }
        let original = OwnFile { purpose: &ORIGINALS, owner: None, name };
        let Some(bytes) = self.files.kept(original, now).await? else { return Ok(None) };
        let rendition = self.at_work(bytes, move |bytes| draw(&bytes, size)).await?;
        self.files.keep(drawn, rendition.bytes.clone()).await?;
        Ok(Some(rendition))
    }

    async fn at_work<T: Send + 'static>(
        &self,
        bytes: Vec<u8>,
        work: impl FnOnce(Vec<u8>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, PictureError> {
        let turn = tokio::time::timeout(PATIENCE, self.drawing.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(PictureError::Busy) };
        // The turn ends with the work, whether somebody still waits for it or not.
        let worked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(bytes)
        });
        // A decoder that panics has met a file that is none.
        Ok(worked.await.unwrap_or(Err(Fault::Broken))?)
    }
}

fn drawn_name(name: &str, size: Size) -> String {
    format!("{name}-{}", size.name())
}

/// Refuses what is no picture that we show.
pub fn check(bytes: &[u8], called: Option<&str>) -> Result<(), Fault> {
    let format = format(bytes)?;
    if let Some(called) = called
        && !called.eq_ignore_ascii_case(format.to_mime_type())
        && !format.extensions_str().iter().any(|ending| called.eq_ignore_ascii_case(ending))
    {
        return Err(Fault::Disguised(format.to_mime_type()));
    }
    decode(bytes).map(drop)
}

/// A picture in one size: as JPEG, or as PNG where something shines through it.
pub fn draw(bytes: &[u8], size: Size) -> Result<Rendition, Fault> {
    let picture = decode(bytes)?;
    let (width, height) = picture.dimensions();
    let within = |most: u32| match width.max(height) <= most {
        true => picture.clone(),
        false => picture.resize(most, most, FilterType::CatmullRom),
    };
    let drawn = match size {
        Size::Small => within(320),
        Size::Medium => within(800),
        Size::Large => within(1_600),
        Size::Thumbnail => {
            let side = 150.min(width).min(height);
            picture.resize_to_fill(side, side, FilterType::CatmullRom)
        }
    };
    let shines_through = drawn.color().has_alpha() && drawn.to_rgba8().pixels().any(|pixel| pixel[3] < u8::MAX);
    let mut bytes = Cursor::new(vec![]);
    let (media_type, written) = if shines_through {
        let drawn = DynamicImage::from(drawn.to_rgba8());
        ("image/png", drawn.write_to(&mut bytes, ImageFormat::Png))
    } else {
        ("image/jpeg", drawn.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY)))
    };
    written.map_err(|_| Fault::Broken)?;
    Ok(Rendition { media_type, bytes: bytes.into_inner() })
}

fn format(bytes: &[u8]) -> Result<ImageFormat, Fault> {
    if bytes.len() > LARGEST {
        return Err(Fault::TooLarge);
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Ok(format),
        _ => Err(Fault::NoPicture),
    }
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, Fault> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    let cursor = Cursor::new(bytes);
    match format(bytes)? {
        ImageFormat::Png => {
            let decoder = readable(PngDecoder::with_limits(cursor, limits.clone()))?;
            let moves = readable(decoder.is_apng())?;
            turned(decoder, moves, limits)
        }
        ImageFormat::WebP => {
            let decoder = readable(WebPDecoder::new(cursor))?;
            let moves = decoder.has_animation();
            turned(decoder, moves, limits)
        }
        _ => turned(readable(JpegDecoder::new(cursor))?, false, limits),
    }
}

/// The picture as it is meant to be looked at: a camera may have been held otherwise.
fn turned(mut decoder: impl ImageDecoder, moves: bool, limits: Limits) -> Result<DynamicImage, Fault> {
    if moves {
        return Err(Fault::Animated);
    }
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Fault::TooManyPixels);
    }
    readable(decoder.set_limits(limits))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = readable(DynamicImage::from_decoder(decoder))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn readable<T>(outcome: ImageResult<T>) -> Result<T, Fault> {
    outcome.map_err(|_| Fault::Broken)
}
