//! Blocks: paragraphs, headings, items and rows, put together from chunks in the order of the file.

use super::chunks::Chunk;

/// Chunks on one baseline, from left to right: one, or the cells of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Chunk>,
}

impl Row {
    pub(crate) fn u0(&self) -> f32 {
        self.cells.iter().map(|cell| cell.u0).fold(f32::INFINITY, f32::min)
    }

    pub(crate) fn v(&self) -> f32 {
        self.cells[0].v
    }

    pub(crate) fn size(&self) -> f32 {
        self.cells.iter().map(|cell| cell.size).fold(0.0, f32::max)
    }
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) angle: i16,
    pub(crate) rows: Vec<Row>,
    pub(crate) u0: f32,
    pub(crate) u1: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

impl Block {
    fn new(chunk: Chunk) -> Self {
        let (angle, u0, u1) = (chunk.angle, chunk.u0, chunk.u1);
        let (top, bottom) = (chunk.top(), chunk.bottom());
        Self { angle, rows: vec![Row { cells: vec![chunk] }], u0, u1, top, bottom }
    }

    pub(crate) fn size(&self) -> f32 {
        self.rows[0].size()
    }

    /// Takes a chunk in, or gives it back.
    fn take(&mut self, chunk: Chunk) -> Result<(), Chunk> {
        let last = self.rows.last_mut().expect("a block has rows");
        let end = last.cells.last().expect("a row has cells");
        if end.is_level_with(&chunk) && chunk.u0 >= end.u1 - 0.3 * chunk.size {
            self.u1 = self.u1.max(chunk.u1);
            last.cells.push(chunk);
            return Ok(());
        }
        if !self.goes_on_with(&chunk) {
            return Err(chunk);
        }
        (self.u0, self.u1) = (self.u0.min(chunk.u0), self.u1.max(chunk.u1));
        self.bottom = self.bottom.max(chunk.bottom());
        self.rows.push(Row { cells: vec![chunk] });
        Ok(())
    }

    /// Whether a chunk is the beginning of this block's next line.
    fn goes_on_with(&self, chunk: &Chunk) -> bool {
        let last = self.rows.last().expect("a block has rows");
        let (size, large) = (last.size(), last.size().max(chunk.size));
        let pitch = chunk.v - last.v();
        let usual = match self.rows.as_slice() {
            [.., before, last] => 1.3 * (last.v() - before.v()),
            _ => 1.75 * large,
        };
        let overlap = self.u1.min(chunk.u1) - self.u0.max(chunk.u0);
        self.angle == chunk.angle
            && (size - chunk.size).abs() < 0.12 * large
            && pitch > 0.45 * large
            && pitch <= usual.min(2.2 * large)
            && overlap > 0.0
    }
}

/// All blocks of a page, in the order of the file.
pub(crate) fn blocks(chunks: Vec<Chunk>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for chunk in chunks {
        let left = match blocks.last_mut() {
            Some(block) => block.take(chunk).err(),
            None => Some(chunk),
        };
        blocks.extend(left.map(Block::new));
    }
    blocks
}
