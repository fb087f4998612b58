//! Logos: any common picture in, a small PNG out.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits, RgbaImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
    imageops,
    metadata::Orientation,
};

/// The most bytes of an upload: 10 MiB.
pub const MAX_LOGO_BYTES: usize = 10 * 1024 * 1024;

/// The most pixels that an upload may declare: 25 million, twice what a phone's camera takes by default.
pub const MAX_LOGO_PIXELS: u64 = 25_000_000;

/// The longest side of the result in pixels.
pub const MAX_LOGO_SIDE: u32 = 512;

/// What a decoder may allocate: the pixels at 8 bits for each of four channels, and some room for itself. At 16
/// bits, half as many pixels fit.
const MAX_ALLOCATION: u64 = MAX_LOGO_PIXELS * 4 + 16 * 1024 * 1024;

/// A picture that is safe to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// The picture as a PNG file, without any metadata of the upload.
    pub png: Vec<u8>,
    /// Its width in pixels, at most 512.
    pub width: u32,
    /// Its height in pixels, at most 512.
    pub height: u32,
}

/// Decodes a PNG, JPEG, GIF or WebP file (of an animation, the first picture), turns it upright, scales it down to fit
/// into 512 by 512 pixels, and encodes it as PNG. Small pictures keep their size.
///
/// Takes up to a second and some 200 MB for the largest pictures: call it from `spawn_blocking`, and let few
/// run at once. Decoders are not ours: a panic in one is to be treated as [`LogoError::Unreadable`].
///
/// # Errors
/// [`LogoError`].
pub fn logo(upload: &[u8]) -> Result<Logo, LogoError> {
    if upload.len() > MAX_LOGO_BYTES {
        return Err(LogoError::TooLarge);
    }
    let Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP)) =
        image::guess_format(upload)
    else {
        return Err(LogoError::UnknownFormat);
    };
    let (picture, orientation) = decode(upload, format)?;
    let mut picture = scale_down(picture);
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    let mut png = Vec::new();
    picture
        .write_with_encoder(PngEncoder::new_with_quality(
            &mut png,
            CompressionType::Default,
            FilterType::Adaptive,
        ))
        .map_err(LogoError::Unreadable)?;
    Ok(Logo { png, width, height })
}

/// The decoded picture, and how it is to be turned.
fn decode(upload: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation), LogoError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // What is declared is checked before anything of that size is allocated.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_LOGO_PIXELS {
        return Err(LogoError::TooManyPixels);
    }
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

/// The picture with 8 bits for each channel, fitting into the largest size.
fn scale_down(picture: DynamicImage) -> DynamicImage {
    let fits = picture.width() <= MAX_LOGO_SIDE && picture.height() <= MAX_LOGO_SIDE;
    if !picture.color().has_alpha() {
        let scaled = if fits { picture } else { resize(&picture) };
        return scaled.into_rgb8().into();
    }
    let mut picture = picture.into_rgba8();
    if fits {
        return picture.into();
    }
    // Averaging must not take the colour of what is invisible: colours count by their opacity.
    premultiply(&mut picture);
    let mut scaled = resize(&picture.into()).into_rgba8();
    unpremultiply(&mut scaled);
    scaled.into()
}

fn resize(picture: &DynamicImage) -> DynamicImage {
    let near = MAX_LOGO_SIDE * 2;
    let filter = imageops::FilterType::Lanczos3;
    if picture.width().max(picture.height()) > near * 2 {
        // A fast coarse step first: the fine filter would take seconds for a large photograph.
        picture
            .thumbnail(near, near)
            .resize(MAX_LOGO_SIDE, MAX_LOGO_SIDE, filter)
    } else {
        picture.resize(MAX_LOGO_SIDE, MAX_LOGO_SIDE, filter)
    }
}

fn premultiply(picture: &mut RgbaImage) {
    for pixel in picture.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            *channel = u8::try_from((u16::from(*channel) * alpha + 127) / 255).unwrap_or(u8::MAX);
        }
    }
}

fn unpremultiply(picture: &mut RgbaImage) {
    for pixel in picture.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        for channel in &mut pixel.0[..3] {
            let full = (u16::from(*channel) * 255 + alpha / 2)
                .checked_div(alpha)
                .unwrap_or(0);
            *channel = u8::try_from(full).unwrap_or(u8::MAX);
        }
    }
}

/// Why an upload is no logo.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// It has more than 10 MiB.
    #[error("the file is larger than 10 MB")]
    TooLarge,
    /// It is no PNG, JPEG, GIF or WebP file.
    #[error("the file is none of png, jpeg, gif, webp")]
    UnknownFormat,
    /// It declares more than 25 million pixels, or needs more memory than those.
    #[error(
        "the picture is too large to decode: it has more than 25 million pixels, or many of them in 16 bits"
    )]
    TooManyPixels,
    /// It begins as a picture, and cannot be decoded.
    #[error("the picture cannot be decoded")]
    Unreadable(#[source] ImageError),
}

impl From<ImageError> for LogoError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooManyPixels,
            error => Self::Unreadable(error),
        }
    }
}
