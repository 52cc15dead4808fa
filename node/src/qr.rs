//! Invitations as QR codes: as shapes for the interface, as text for a terminal.

use pumasi_web::api;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a code on a terminal (the standard asks for four; two are read by what we tried).
const MARGIN: usize = 2;

/// The dark modules, row by row. Letters are taken as capitals, which make a smaller code.
fn modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let capitals = text.to_ascii_uppercase();
    let code = QrCode::with_error_correction_level(capitals, EcLevel::M).ok()?;
    let colors = code.to_colors();
    let rows = colors.chunks(code.width());
    Some(rows.map(|row| row.iter().map(|color| *color == Color::Dark).collect()).collect())
}

/// As a path of unit squares; `None` for texts that are too long.
pub(crate) fn drawn(text: &str) -> Option<api::Qr> {
    let rows = modules(text)?;
    let mut path = String::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, dark)| **dark) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    Some(api::Qr { size: u32::try_from(rows.len()).ok()?, path })
}

/// As lines of half blocks, two rows in one, light ones drawn: most terminals are dark.
pub(crate) fn lines(text: &str) -> Option<Vec<String>> {
    let rows = modules(text)?;
    let size = rows.len() + 2 * MARGIN;
    let is_light = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(MARGIN), y.checked_sub(MARGIN));
        let dark = x.zip(y).and_then(|(x, y)| rows.get(y)?.get(x).copied());
        !dark.unwrap_or_default()
    };
    let block = |x: usize, y: usize| match (is_light(x, y), y + 1 < size && is_light(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let line = |y: usize| (0..size).map(|x| block(x, y)).collect();
    Some((0..size).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "pumasi-aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qccirdeqssmjzifevcwlbn";

    #[test]
    fn codes_have_their_three_corners_and_nothing_outside() {
        let rows = modules(TEXT).expect("short");
        let last = rows.len() - 7;
        for (x, y) in [(0, 0), (last, 0), (0, last)] {
            let corner = |dx: usize, dy: usize| rows[y + dy][x + dx];
            assert!((0..7).all(|i| corner(i, 0) && corner(i, 6) && corner(0, i) && corner(6, i)));
            assert!(!corner(1, 1) && corner(3, 3));
        }
        let drawn = drawn(TEXT).expect("short");
        assert_eq!(drawn.size as usize, rows.len());
        let dark = rows.iter().flatten().filter(|dark| **dark).count();
        assert_eq!(drawn.path.matches('M').count(), dark);
        let lines = lines(TEXT).expect("short");
        assert!(lines.iter().all(|line| line.chars().count() == rows.len() + 2 * MARGIN));
        assert!(lines[0].chars().all(|c| c == '█'), "a light margin");
    }

    #[test]
    fn what_is_too_long_for_a_code_has_none() {
        assert_eq!(drawn(&"a".repeat(10_000)), None);
        assert_eq!(lines(&"a".repeat(10_000)), None);
    }
}
