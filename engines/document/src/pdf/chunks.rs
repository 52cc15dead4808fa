//! Chunks: glyphs that follow each other on one baseline, with spaces put where gaps are.

/// Text on one baseline, in its own frame: `u` runs along the baseline, `v` down from line to line,
/// both in points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chunk {
    /// Direction of the baseline on the page, in whole degrees; 0: left to right.
    pub(crate) angle: i16,
    pub(crate) u0: f32,
    pub(crate) u1: f32,
    pub(crate) v: f32,
    pub(crate) size: f32,
    pub(crate) text: String,
}

impl Chunk {
    pub(crate) fn top(&self) -> f32 {
        self.v - 0.75 * self.size
    }

    pub(crate) fn bottom(&self) -> f32 {
        self.v + 0.2 * self.size
    }

    /// Whether the other one stands on the same baseline.
    pub(crate) fn is_level_with(&self, other: &Self) -> bool {
        let size = self.size.max(other.size);
        self.angle == other.angle && (self.v - other.v).abs() < 0.45 * size
    }
}

/// A glyph in the frame of its direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) angle: i16,
    pub(crate) u: f32,
    pub(crate) v: f32,
    pub(crate) advance: f32,
    pub(crate) size: f32,
}

/// A gap of this many sizes is a space: word spaces are a quarter to a third, letters are spaced by
/// less than a tenth.
const SPACE: f32 = 0.17;
/// A gap of this many sizes ends a chunk where no space was written: two columns or cells.
const APART: f32 = 0.8;
/// The same where a space was written: justified lines have wide ones.
const APART_SPACED: f32 = 2.2;
/// Chunks that are compared with a new one for text that was drawn twice to look bold.
const LOOKED_BACK: usize = 12;

/// Puts glyphs together as they come.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    done: Vec<Chunk>,
    open: Option<Chunk>,
    spaced: bool,
    /// The glyph before, and its text: bold is sometimes drawn twice.
    before: Option<(Placed, String)>,
}

impl Builder {
    pub(crate) fn len(&self) -> usize {
        self.done.len()
    }

    /// A glyph; one that is only space is none but a gap.
    pub(crate) fn push(&mut self, glyph: Placed, text: &str) {
        if text.chars().all(char::is_whitespace) {
            self.spaced = true;
            return;
        }
        let near = |a: f32, b: f32| (a - b).abs() < 0.15 * glyph.size;
        let again = |(old, said): &(Placed, String)| {
            said == text && old.angle == glyph.angle && near(old.u, glyph.u) && near(old.v, glyph.v)
        };
        if self.before.as_ref().is_some_and(again) {
            return;
        }
        self.before = Some((glyph, text.to_owned()));
        if let Some(chunk) = &mut self.open
            && let Some(gap) = gap(chunk, &glyph)
            && gap < if self.spaced { APART_SPACED } else { APART }
        {
            if (self.spaced && gap > -0.1 || gap > SPACE) && !chunk.text.ends_with(' ') {
                chunk.text.push(' ');
            }
            chunk.text.push_str(text);
            chunk.u1 = chunk.u1.max(glyph.u + glyph.advance);
            // A line that begins with a raised or small letter has the size of the others.
            if glyph.size > chunk.size {
                (chunk.size, chunk.v) = (glyph.size, glyph.v);
            }
        } else {
            self.close();
            self.open = Some(Chunk {
                angle: glyph.angle,
                u0: glyph.u,
                u1: glyph.u + glyph.advance,
                v: glyph.v,
                size: glyph.size,
                text: text.to_owned(),
            });
        }
        self.spaced = false;
    }

    fn close(&mut self) {
        let Some(chunk) = self.open.take() else { return };
        let near = |a: f32, b: f32| (a - b).abs() < 0.15 * chunk.size;
        let is_again = |old: &Chunk| {
            old.text == chunk.text
                && old.angle == chunk.angle
                && near(old.u0, chunk.u0)
                && near(old.v, chunk.v)
        };
        if !self.done.iter().rev().take(LOOKED_BACK).any(is_again) {
            self.done.push(chunk);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Chunk> {
        self.close();
        self.done
    }
}

/// The gap before a glyph that goes on with a chunk, in sizes; none if it does not.
fn gap(chunk: &Chunk, glyph: &Placed) -> Option<f32> {
    let (large, small) = (chunk.size.max(glyph.size), chunk.size.min(glyph.size));
    let gap = (glyph.u - chunk.u1) / large;
    let goes_on = chunk.angle == glyph.angle
        && (chunk.v - glyph.v).abs() < 0.45 * large
        && small > 0.4 * large
        && gap > -0.9
        && glyph.u > chunk.u0 - 0.1 * large;
    goes_on.then_some(gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(glyphs: &[(f32, f32, &str)]) -> Vec<String> {
        let mut builder = Builder::default();
        for (u, v, text) in glyphs {
            let glyph = Placed { angle: 0, u: *u, v: *v, advance: 5.0, size: 10.0 };
            builder.push(glyph, text);
        }
        builder.finish().into_iter().map(|chunk| chunk.text).collect()
    }

    #[test]
    fn gaps_are_spaces_and_wide_ones_begin_anew() {
        let line = [(0.0, 0.0, "a"), (5.0, 0.0, "b"), (12.0, 0.0, "c"), (40.0, 0.0, "d")];
        assert_eq!(written(&line), ["ab c", "d"]);
        let spaced = [(0.0, 0.0, "a"), (5.0, 0.0, " "), (22.0, 0.0, "b"), (0.0, 12.0, "c")];
        assert_eq!(written(&spaced), ["a b", "c"]);
    }

    #[test]
    fn raised_letters_stay_in_their_line_and_what_is_drawn_twice_is_read_once() {
        assert_eq!(written(&[(0.0, 0.0, "x"), (5.0, -3.0, "2")]), ["x2"]);
        let bold = [(0.0, 0.0, "a"), (0.0, 20.0, "b"), (0.2, 20.1, "b")];
        assert_eq!(written(&bold), ["a", "b"]);
    }
}
