//! The pictures in a PDF: JPEG as it is, plain pixels as PNG.

use std::collections::BTreeSet;

use hayro_syntax::Filter;
use hayro_syntax::object::{Name, Stream};
use hayro_syntax::page::Page;
use pumasi_protocol::document::PartKind;

use crate::limits::PICTURE_PIXELS;
use crate::sink::Parts;

/// Pictures that were put out, and how many could not be.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    seen: BTreeSet<(u32, i32)>,
    pub(super) left_out: usize,
}

impl Pictures {
    /// Those that a page is the first to name.
    pub(super) fn of_page(&mut self, page: &Page<'_>, number: u32, sink: &mut Parts<'_>) {
        let objects = &page.resources().x_objects;
        let mut names: Vec<Name<'_>> = objects.keys().collect();
        // In an order that is the same everywhere.
        names.sort();
        for name in names {
            let Some(stream) = objects.get::<Stream<'_>>(&*name) else { continue };
            let kind = stream.dict().get::<Name<'_>>("Subtype");
            if kind.is_none_or(|kind| &*kind != b"Image") {
                continue;
            }
            let id = stream.obj_id();
            if !self.seen.insert((id.obj_number, id.gen_number)) {
                continue;
            }
            match encoded(&stream) {
                Some((kind, bytes)) => sink.put(number, kind, &bytes),
                None => self.left_out += 1,
            }
        }
    }
}

fn encoded(stream: &Stream<'_>) -> Option<(PartKind, Vec<u8>)> {
    let filters = stream.filters();
    if filters.as_slice() == [Filter::DctDecode] {
        return Some((PartKind::Jpeg, stream.raw_data().into_owned()));
    }
    let dict = stream.dict();
    let (width, height) = (dict.get::<u32>("Width")?, dict.get::<u32>("Height")?);
    let count = usize::try_from(width).ok()?.checked_mul(usize::try_from(height).ok()?)?;
    // Checked before anything is unpacked for it.
    if count == 0 || count as f64 > f64::from(PICTURE_PIXELS) {
        return None;
    }
    if dict.get::<u8>("BitsPerComponent")? != 8 {
        return None;
    }
    let pixels = stream.decoded_data().ok()?;
    let color = match pixels.len() / count {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => return None,
    };
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels[..count * color.samples()]).ok()?;
    writer.finish().ok()?;
    Some((PartKind::Png, out))
}
