//! The QR code of a link's address, as SVG and as PNG.
//!
//! Error correction is of level M, so a code still reads with a seventh of it dirty; the quiet zone of four modules that
//! ISO/IEC 18004 wants is part of the picture.

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

use crate::error::{Error, Result};

/// Modules of quiet zone on each side.
const QUIET: usize = 4;
/// Pixels of a module in a PNG.
const SCALE: usize = 12;

fn code(url: &str) -> Result<QrCode> {
    QrCode::with_error_correction_level(url, EcLevel::M).map_err(Error::internal)
}

/// As SVG, which prints at any size.
pub fn svg(url: &str) -> Result<String> {
    Ok(code(url)?
        .render::<svg::Color<'_>>()
        .quiet_zone(true)
        .min_dimensions(240, 240)
        .build())
}

/// As PNG, one bit a pixel.
pub fn png(url: &str) -> Result<Vec<u8>> {
    let code = code(url)?;
    let (width, colors) = (code.width(), code.to_colors());
    let side = (width + 2 * QUIET) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|at| *at < width);
        let (Some(x), Some(y)) = (inside(x), inside(y)) else {
            return false;
        };
        colors.get(y * width + x) == Some(&Color::Dark)
    };
    let mut data = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        for byte in 0..side.div_ceil(8) {
            let bit = |n: usize| u8::from(!is_dark(byte * 8 + n, y)) << (7 - n);
            data.push((0..8).map(bit).sum());
        }
    }
    let pixels = u32::try_from(side).map_err(Error::internal)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels, pixels);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(Error::internal)?;
    writer.write_image_data(&data).map_err(Error::internal)?;
    writer.finish().map_err(Error::internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://learn.example.com/join/7jq2vt0bxw4kz9mrc1yh";

    #[test]
    fn both_forms_show_the_same_modules_with_a_quiet_zone() {
        let bytes = png(URL).expect("a picture");
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().expect("a PNG");
        let mut data = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut data).expect("a frame");
        let code = code(URL).expect("a code");
        let (width, colors) = (code.width(), code.to_colors());
        assert_eq!(info.width as usize, (width + 2 * QUIET) * SCALE);
        let line = info.line_size;
        let dark = |module_x: usize, module_y: usize| {
            let (x, y) = (module_x * SCALE + SCALE / 2, module_y * SCALE + SCALE / 2);
            data[y * line + x / 8] >> (7 - x % 8) & 1 == 0
        };
        for y in 0..width + 2 * QUIET {
            for x in 0..width + 2 * QUIET {
                let inside =
                    (QUIET..QUIET + width).contains(&x) && (QUIET..QUIET + width).contains(&y);
                let wanted = inside && colors[(y - QUIET) * width + x - QUIET] == Color::Dark;
                assert_eq!(dark(x, y), wanted, "{x} {y}");
            }
        }
        let text = svg(URL).expect("a picture");
        assert!(text.contains("<svg") && text.contains("viewBox"));
    }
}
