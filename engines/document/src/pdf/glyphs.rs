//! The device that a page is drawn on to be read: it keeps glyphs, and forgets everything else.

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};

use super::chunks::{Builder, Chunk, Placed};
use crate::limits::PAGE_CHUNKS;

/// Units of a font's em, as glyphs are handed over.
const EM: f64 = 1_000.0;
/// How far outside the page text may begin, in points: what lies beyond is not seen.
const OUTSIDE: f64 = 2.0;

pub(crate) struct Collector {
    builder: Builder,
    frame: Rect,
}

impl Collector {
    pub(crate) fn new(frame: Rect) -> Self {
        Self { builder: Builder::default(), frame: frame.inflate(OUTSIDE, OUTSIDE) }
    }

    pub(crate) fn finish(self) -> Vec<Chunk> {
        self.builder.finish()
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine, vertical: bool) {
        let text = match glyph.as_unicode() {
            Some(BfString::Char(char)) => Text::Char(char),
            Some(BfString::String(text)) => Text::String(text),
            // A font that does not say what its glyphs mean: a letter that nobody can know.
            None => return,
        };
        let origin = transform * Point::ZERO;
        if !self.frame.contains(origin) {
            return;
        }
        let (along, up) =
            (transform * Point::new(EM, 0.0) - origin, transform * Point::new(0.0, EM) - origin);
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(type3) => type3.advance_width(),
        };
        let size = up.hypot();
        let share = f64::from(advance.unwrap_or(500.0)) / EM;
        let (direction, advance) =
            if vertical { (-up, size) } else { (along, along.hypot() * share) };
        let placed = place(origin, direction, advance, size);
        let mut buffer = [0; 4];
        let text = match &text {
            Text::Char(char) => char.encode_utf8(&mut buffer),
            Text::String(text) => text.as_str(),
        };
        self.builder.push(placed, readable(text));
    }
}

enum Text {
    Char(char),
    String(String),
}

/// Control characters and marks of broken fonts say nothing.
fn readable(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_control() && !c.is_whitespace() || c == '\u{ad}' || c == '\u{fffd}'
    })
}

#[allow(clippy::cast_possible_truncation)]
fn place(origin: Point, direction: Vec2, advance: f64, size: f64) -> Placed {
    let level = direction.y.abs() < 0.01 * direction.x;
    let (angle, u, v) = if level {
        (0, origin.x, origin.y)
    } else {
        let angle = direction.y.atan2(direction.x);
        let degrees = angle.to_degrees().round();
        let (sin, cos) = degrees.to_radians().sin_cos();
        (degrees as i16, origin.x * cos + origin.y * sin, origin.y * cos - origin.x * sin)
    };
    Placed { angle, u: u as f32, v: v as f32, advance: advance as f32, size: size as f32 }
}

impl Device<'_> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        if self.builder.len() >= PAGE_CHUNKS {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform(), vertical);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
}
