//! Pictures: what is taken for one, how large it is shown, and that nothing else of a file is.

use std::io::Cursor;

use caravan_files::Files;
use caravan_files::pictures::{Fault, LARGEST, PictureError, Pictures, Size, check, draw, md5};
use chrono::{TimeDelta, Utc};
use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Its left half is red, its right half blue.
fn flag(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) }).into()
}

fn seen(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// A JPEG with the metadata of a camera: a place, and that it was held on its side.
fn with_metadata(jpeg: &[u8]) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
    tiff.extend([0x01, 0x0f, 0, 2, 0, 0, 0, 12, 0, 0, 0, 38]);
    tiff.extend([0, 0, 0, 0]);
    tiff.extend(b"Secret place");
    let mut segment = b"Exif\0\0".to_vec();
    segment.extend(tiff);
    let length = u16::try_from(segment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &segment, &jpeg[2..]].concat()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

#[test]
fn pictures_are_drawn_in_four_sizes_and_never_larger() {
    let wide = encoded(&flag(3_000, 1_000), ImageFormat::Jpeg);
    let sizes = Size::ALL.map(|size| seen(&draw(&wide, size).unwrap().bytes).dimensions());
    assert_eq!(sizes, [(320, 107), (800, 267), (1_600, 533), (150, 150)]);
    let small = encoded(&flag(100, 40), ImageFormat::Png);
    let sizes = Size::ALL.map(|size| seen(&draw(&small, size).unwrap().bytes).dimensions());
    assert_eq!(sizes, [(100, 40), (100, 40), (100, 40), (40, 40)]);
    for size in Size::ALL {
        assert_eq!(serde_json::from_value::<Size>(size.name().into()).unwrap(), size);
    }
}

#[test]
fn what_shines_through_is_drawn_as_png_and_all_else_as_jpeg() {
    let solid: DynamicImage = RgbaImage::from_pixel(50, 50, Rgba([9, 9, 9, 255])).into();
    let glass: DynamicImage = RgbaImage::from_pixel(50, 50, Rgba([9, 9, 9, 100])).into();
    let drawn = |picture: &DynamicImage, format| draw(&encoded(picture, format), Size::Small).unwrap().media_type;
    assert_eq!(drawn(&solid, ImageFormat::Png), "image/jpeg");
    assert_eq!(drawn(&glass, ImageFormat::Png), "image/png");
    assert_eq!(drawn(&glass, ImageFormat::WebP), "image/png");
    let deep: DynamicImage = image::ImageBuffer::<image::Luma<u16>, _>::new(40, 40).into();
    assert_eq!(drawn(&deep, ImageFormat::Png), "image/jpeg");
}

#[test]
fn nothing_of_a_files_metadata_is_shown_but_how_it_is_looked_at() {
    let original = with_metadata(&encoded(&flag(400, 200), ImageFormat::Jpeg));
    assert!(holds(&original, b"Secret place") && check(&original, Some("JPG")).is_ok());
    for size in Size::ALL {
        let drawn = draw(&original, size).unwrap().bytes;
        assert!(!holds(&drawn, b"Secret place") && !holds(&drawn, b"Exif"));
    }
    let drawn = seen(&draw(&original, Size::Medium).unwrap().bytes);
    assert_eq!(drawn.dimensions(), (200, 400), "turned as the camera was held");
    let (above, below) = (drawn.get_pixel(100, 50), drawn.get_pixel(100, 350));
    assert!(above[0] > 150 && below[2] > 150, "{above:?} {below:?}");
    let after = [encoded(&flag(40, 20), ImageFormat::Jpeg), b"<script>Secret place</script>".to_vec()].concat();
    assert!(!holds(&draw(&after, Size::Small).unwrap().bytes, b"Secret place"));
}

#[test]
fn what_is_no_picture_of_ours_is_refused() {
    let png = encoded(&flag(40, 20), ImageFormat::Png);
    assert_eq!(check(&png, None), Ok(()));
    for called in ["image/png", "PNG", "image/png; charset=binary", "application/octet-stream"] {
        assert_eq!(check(&png, Some(called)), Ok(()), "{called}");
    }
    let jpeg = encoded(&flag(40, 20), ImageFormat::Jpeg);
    assert_eq!(check(&jpeg, Some("image/jpg")), Ok(()));
    // Its thumbnail is whole; the picture is not.
    let thumbnail = [&jpeg[..2], &[0xff, 0xe1], &u16::try_from(jpeg.len() + 2).unwrap().to_be_bytes(), &jpeg].concat();
    let cut = [&thumbnail[..], &jpeg[2..jpeg.len() - 30]].concat();
    assert_eq!(check(&cut, None), Err(Fault::Broken));
    assert_eq!(check(&png, Some("jpg")), Err(Fault::Disguised("image/png")));
    assert_eq!(check(&png, Some("text/html")), Err(Fault::Disguised("image/png")));
    for other in
        [b"".as_slice(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a\x01\0\x01\0", b"BM123", b"%PDF"]
    {
        assert_eq!(check(other, None), Err(Fault::NoPicture));
    }
    assert_eq!(check(&png[..png.len() / 2], None), Err(Fault::Broken));
    assert_eq!(check(b"\x89PNG\r\n\x1a\n", None), Err(Fault::Broken));
    assert_eq!(check(b"\xff\xd8\xff\xe0garbage", None), Err(Fault::Broken));
    assert_eq!(check(&[png, vec![0; LARGEST]].concat(), None), Err(Fault::TooLarge));
}

#[test]
fn pictures_that_would_fill_the_memory_are_refused_before_they_are_read() {
    // A PNG of 60,000 by 60,000 pixels in a few bytes: its head says so.
    let mut png = encoded(&flag(40, 20), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    let refused = check(&png, None).unwrap_err();
    assert!(matches!(refused, Fault::TooManyPixels | Fault::Broken), "{refused}");
    let deep: DynamicImage = image::ImageBuffer::<image::Rgba<u16>, _>::new(5_000, 3_000).into();
    for many in [RgbImage::new(6_001, 4_000).into(), RgbImage::new(16_385, 1).into(), deep] {
        assert_eq!(check(&encoded(&many, ImageFormat::Png), None), Err(Fault::TooManyPixels));
    }
}

/// As PNG's chunks end.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [length.as_slice(), &named, &crc32(&named).to_be_bytes()].concat()
}

#[test]
fn a_profile_is_not_looked_at() {
    let png = encoded(&flag(40, 20), ImageFormat::Png);
    let profile = chunk(b"iCCP", b"name\0\0this is no compressed profile");
    let profiled = [&png[..33], &profile, &png[33..]].concat();
    assert_eq!(draw(&profiled, Size::Small), draw(&png, Size::Small));
    assert_eq!(check(&profiled[..60], None), Err(Fault::Broken));
}

#[test]
fn pictures_that_move_are_refused() {
    let png = encoded(&flag(40, 20), ImageFormat::Png);
    // After the head: two frames, for ever.
    let moving = [&png[..33], &chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), &png[33..]].concat();
    assert_eq!(check(&moving, None), Err(Fault::Animated));
    // An extended WebP whose flags say that it moves.
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x27\0\0\x13\0\0ANIM\x06\0\0\0\0\0\0\0\0\0".to_vec();
    let length = u32::try_from(webp.len() - 8).unwrap().to_le_bytes();
    webp[4..8].copy_from_slice(&length);
    assert!(matches!(check(&webp, None), Err(Fault::Animated | Fault::Broken)));
}

#[tokio::test]
async fn a_picture_is_drawn_once_and_again_when_that_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = Pictures::new(Files::open(dir.path().to_str().unwrap(), []).unwrap());
    let now = Utc::now();
    assert_eq!(pictures.shown("one", Size::Small, now).await.unwrap(), None);
    let original = encoded(&flag(900, 600), ImageFormat::WebP);
    pictures.keep("one", original.clone(), Some("webp")).await.unwrap();
    assert!(pictures.has("one").await.unwrap());
    let shown = pictures.shown("one", Size::Small, now).await.unwrap().unwrap();
    assert_eq!((shown.media_type, seen(&shown.bytes).dimensions()), ("image/jpeg", (320, 213)));

    let drawn = dir.path().join("caravan/renditions/nobody/one-small");
    std::fs::write(&drawn, encoded(&flag(7, 7), ImageFormat::Png)).unwrap();
    let shown = pictures.shown("one", Size::Small, now).await.unwrap().unwrap();
    assert_eq!((shown.media_type, seen(&shown.bytes).dimensions()), ("image/png", (7, 7)), "what was drawn is shown");
    let later = now + TimeDelta::days(31);
    let shown = pictures.shown("one", Size::Small, later).await.unwrap().unwrap();
    assert_eq!(seen(&shown.bytes).dimensions(), (320, 213), "drawn anew");

    let all = futures::future::join_all((0..20).map(|_| pictures.shown("one", Size::Large, now))).await;
    assert!(all.iter().all(|shown| shown.as_ref().is_ok_and(Option::is_some)));
    let many = futures::future::join_all((0..100).map(|_| pictures.shown("one", Size::Thumbnail, later))).await;
    assert!(many.iter().filter(|shown| shown.is_ok()).count() >= 20);
    assert!(many.iter().any(|shown| matches!(shown, Err(PictureError::Busy))), "a crowd is turned away");
    let refused = pictures.keep("two", b"<html>".to_vec(), None).await;
    assert!(matches!(refused, Err(PictureError::Fault(Fault::NoPicture))));
    assert!(!pictures.has("two").await.unwrap(), "what is refused is not kept");

    pictures.delete("one").await.unwrap();
    assert_eq!(pictures.shown("one", Size::Small, now).await.unwrap(), None);
    assert!(!drawn.exists());
}

#[test]
fn a_files_md5_is_written_in_hexadecimal_digits() {
    assert_eq!(md5(b"The quick brown fox jumps over the lazy dog"), "9e107d9d372bb6826bd81d3542a419d6");
}
