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
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Files, FilesError, OwnFile, Purpose};

/// The largest file, in bytes.
pub const LARGEST: usize = 10 * 1024 * 1024;
/// The most pixels: 6,000 by 4,000; of those with 16 bits a colour half as many.
pub const MOST_PIXELS: u64 = 24_000_000;
/// The same as they are read, in bytes.
const MOST_BYTES: u64 = 4 * MOST_PIXELS;
/// The widest and the highest.
const LONGEST_SIDE: u32 = 16_384;
/// What a decoder may take besides while it reads one, in bytes.
const MOST_MEMORY: u64 = MOST_BYTES + 32 * 1024 * 1024;
/// How long a picture waits for others that are being drawn.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many wait at most.
const MOST_WAITING: usize = 20;
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
    #[error("has more than 24 million pixels, or a side of more than 16,384")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// The pictures among the files. They are drawn one at a time, and read for the first time one at a time: each takes a
/// processor and up to 250 MiB of memory.
#[derive(Debug, Clone)]
pub struct Pictures {
    files: Files,
    drawing: Arc<Semaphore>,
    /// Who may wait for that; more are turned away at once.
    waiting: Arc<Semaphore>,
    /// Of staff's files, which whoever looks at pictures does not hold up.
    checking: Arc<Semaphore>,
}

impl Pictures {
    pub fn new(files: Files) -> Pictures {
        let of = |permits| Arc::new(Semaphore::new(permits));
        Pictures { files, drawing: of(1), waiting: of(MOST_WAITING), checking: of(1) }
    }

    /// Keeps a picture under a name of its own; refuses what is none, or another than `called`, which is a media type
    /// or the ending of a file's name.
    pub async fn keep(&self, name: &str, bytes: Vec<u8>, called: Option<&str>) -> Result<(), PictureError> {
        let turn = turn(&self.checking).await?;
        let called = called.map(str::to_owned);
        let bytes = at_work(turn, move || check(&bytes, called.as_deref()).map(|()| bytes)).await?;
        Ok(self.files.keep(original(name), bytes).await?)
    }

    /// A picture in one size, drawn when it is first asked for; none where there is none of this name.
    pub async fn shown(&self, name: &str, size: Size, now: DateTime<Utc>) -> Result<Option<Rendition>, PictureError> {
        let drawn = drawn_name(name, size);
        let drawn = rendition(&drawn);
        if let Some(rendition) = self.drawn(drawn, now).await? {
            return Ok(Some(rendition));
        }
        let _place = self.waiting.try_acquire().map_err(|_| PictureError::Busy)?;
        let turn = turn(&self.drawing).await?;
        // Whoever had the turn before may have drawn the same.
        if let Some(rendition) = self.drawn(drawn, now).await? {
            return Ok(Some(rendition));
        }
        let Some(bytes) = self.files.kept(original(name), now).await? else { return Ok(None) };
        let rendition = at_work(turn, move || draw(&bytes, size)).await?;
        if let Err(error) = self.files.keep(drawn, rendition.bytes.clone()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a picture that was drawn could not be kept");
        }
        Ok(Some(rendition))
    }

    async fn drawn(&self, drawn: OwnFile<'_>, now: DateTime<Utc>) -> Result<Option<Rendition>, PictureError> {
        let Some(bytes) = self.files.kept(drawn, now).await? else { return Ok(None) };
        let format = image::guess_format(&bytes).map_err(|_| Fault::Broken)?;
        Ok(Some(Rendition { media_type: format.to_mime_type(), bytes }))
    }

    /// Whether there is one of this name.
    pub async fn has(&self, name: &str) -> Result<bool, FilesError> {
        self.files.has(original(name)).await
    }

    /// Deletes a picture in all its sizes.
    pub async fn delete(&self, name: &str) -> Result<(), FilesError> {
        self.files.discard(original(name)).await?;
        for size in Size::ALL {
            self.files.discard(rendition(&drawn_name(name, size))).await?;
        }
        Ok(())
    }
}

fn original(name: &str) -> OwnFile<'_> {
    OwnFile { purpose: &ORIGINALS, owner: None, name }
}

fn rendition(drawn_name: &str) -> OwnFile<'_> {
    OwnFile { purpose: &RENDITIONS, owner: None, name: drawn_name }
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, PictureError> {
    match tokio::time::timeout(PATIENCE, of.clone().acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(PictureError::Busy),
    }
}

async fn at_work<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, PictureError> {
    // The turn ends with the work, whether somebody still waits for it or not.
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    // A decoder that panics has met a file that is none.
    Ok(worked.await.unwrap_or(Err(Fault::Broken))?)
}

fn drawn_name(name: &str, size: Size) -> String {
    format!("{name}-{}", size.name())
}

/// Refuses what is no picture that we show.
pub fn check(bytes: &[u8], called: Option<&str>) -> Result<(), Fault> {
    let format = format(bytes)?;
    if called.is_some_and(|called| !is_called(format, called)) {
        return Err(Fault::Disguised(format.to_mime_type()));
    }
    decode(bytes).map(drop)
}

/// Whether a media type, or the ending of a name, is one of this format. Bytes may be anything.
fn is_called(format: ImageFormat, called: &str) -> bool {
    let called = called.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let ending = called.strip_prefix("image/").unwrap_or(&called);
    called == "application/octet-stream" || format.extensions_str().contains(&ending)
}

/// A picture in one size: as JPEG, or as PNG where something shines through it.
pub fn draw(bytes: &[u8], size: Size) -> Result<Rendition, Fault> {
    let picture = decode(bytes)?;
    let (width, height) = picture.dimensions();
    let drawn = match size {
        Size::Small => within(picture, 320),
        Size::Medium => within(picture, 800),
        Size::Large => within(picture, 1_600),
        Size::Thumbnail => {
            let side = 150.min(width).min(height);
            picture.resize_to_fill(side, side, FilterType::CatmullRom)
        }
    };
    let layered = drawn.color().has_alpha().then(|| drawn.to_rgba8());
    let shines_through = layered.filter(|layered| layered.pixels().any(|pixel| pixel[3] < u8::MAX));
    let mut bytes = Cursor::new(vec![]);
    let (media_type, written) = if let Some(layered) = shines_through {
        ("image/png", layered.write_to(&mut bytes, ImageFormat::Png))
    } else {
        ("image/jpeg", drawn.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY)))
    };
    written.map_err(|_| Fault::Broken)?;
    Ok(Rendition { media_type, bytes: bytes.into_inner() })
}

/// At most so wide and high.
fn within(picture: DynamicImage, most: u32) -> DynamicImage {
    match picture.width().max(picture.height()) <= most {
        true => picture,
        false => picture.resize(most, most, FilterType::CatmullRom),
    }
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
            let plain = Cursor::new(without_profile(bytes));
            let decoder = readable(PngDecoder::with_limits(plain, limits.clone()))?;
            let moves = readable(decoder.is_apng())?;
            turned(decoder, moves, limits)
        }
        ImageFormat::WebP => {
            let decoder = readable(WebPDecoder::new(cursor))?;
            let moves = decoder.has_animation();
            turned(decoder, moves, limits)
        }
        _ if !is_whole_jpeg(bytes) => Err(Fault::Broken),
        _ => turned(readable(JpegDecoder::new(cursor))?, false, limits),
    }
}

/// A PNG without its colour profile, which nobody looks at and which may unpack to any size.
fn without_profile(png: &[u8]) -> Vec<u8> {
    const SIGNATURE: usize = 8;
    /// Length, name and checksum.
    const FRAME: usize = 12;
    let mut kept = png[..SIGNATURE.min(png.len())].to_vec();
    let mut rest = png.get(SIGNATURE..).unwrap_or_default();
    while let Some((length, name)) = rest.first_chunk::<4>().zip(rest.get(4..8)) {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (chunk, after) = rest.split_at(length.saturating_add(FRAME).min(rest.len()));
        if name != b"iCCP" {
            kept.extend_from_slice(chunk);
        }
        rest = after;
    }
    kept
}

/// Whether a JPEG ends after its last picture began: what is cut off is drawn grey otherwise.
fn is_whole_jpeg(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    matches!((last(0xda), last(0xd9)), (Some(begun), Some(ended)) if begun < ended)
}

/// The picture as it is meant to be looked at: a camera may have been held otherwise.
fn turned(mut decoder: impl ImageDecoder, moves: bool, limits: Limits) -> Result<DynamicImage, Fault> {
    if moves {
        return Err(Fault::Animated);
    }
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MOST_PIXELS || decoder.total_bytes() > MOST_BYTES || width.max(height) > LONGEST_SIDE {
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
