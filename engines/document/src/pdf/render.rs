//! Pages as pictures.

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use hayro_interpret::InterpreterSettings;
use hayro_syntax::page::Page;
use pumasi_protocol::document::DocumentProblem;

use crate::limits::{PICTURE_PIXELS, PICTURE_SIDE};

/// Points per inch.
const POINTS: f32 = 72.0;

/// A page as PNG. A larger one than the bounds allow is drawn smaller: its memory is taken before
/// anything is drawn.
pub(super) fn picture<'a>(
    page: &'a Page<'a>,
    cache: &RenderCache<'a>,
    dpi: u16,
) -> Result<Vec<u8>, DocumentProblem> {
    let (width, height) = page.render_dimensions();
    if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
        return Err(DocumentProblem::Damaged);
    }
    let scale = (f32::from(dpi) / POINTS)
        .min(PICTURE_SIDE / width.max(height))
        .min((PICTURE_PIXELS / (width * height)).sqrt());
    // Thinner than a pixel is nothing to look at.
    if width * scale < 1.0 || height * scale < 1.0 {
        return Err(DocumentProblem::TooComplex);
    }
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let (reading, drawing) = (InterpreterSettings::default(), RenderSettings::default());
    let pixels = render(page, cache, &reading, &drawing, &settings);
    pixels.into_png().map_err(|_| DocumentProblem::TooComplex)
}
