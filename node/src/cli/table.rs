//! Tables for a terminal: columns aligned by display width, so that Korean names line up too.

use unicode_width::UnicodeWidthStr;

use super::failure::Failure;
use super::output::{Output, Style};
use super::text::escape;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a head.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<'a>(head: impl IntoIterator<Item = (&'a str, Align)>) -> Self {
        let head = head.into_iter().map(|(name, align)| (name.to_owned(), align)).collect();
        Self { head, rows: Vec::new() }
    }

    /// Adds a row; its cells may hold anything.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| escape(cell.as_ref())).collect();
        assert_eq!(cells.len(), self.head.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// Prints all lines.
    pub(crate) fn print(&self, output: &Output) -> Result<(), Failure> {
        self.lines(output).iter().try_for_each(|line| output.line(line))
    }

    /// All lines, the head first and emphasised.
    pub(crate) fn lines(&self, output: &Output) -> Vec<String> {
        let widths = self.widths();
        let head: Vec<String> = self.head.iter().map(|(name, _)| name.clone()).collect();
        let head = output.style(Style::Bold, &self.line(&head, &widths));
        let rows = self.rows.iter().map(|row| self.line(row, &widths));
        std::iter::once(head).chain(rows).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let column = |index: usize| {
            let cells = self.rows.iter().map(|row| row[index].width());
            cells.chain([self.head[index].0.width()]).max().unwrap_or(0)
        };
        (0..self.head.len()).map(column).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        let columns = cells.iter().zip(widths).zip(&self.head);
        for (index, ((cell, width), (_, align))) in columns.enumerate() {
            let padding = " ".repeat(width - cell.width());
            if index > 0 {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.extend([cell.as_str(), &padding]),
                Align::Right => line.extend([padding.as_str(), cell]),
            }
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_wide_and_hostile_text() {
        let mut table = Table::new([("NAME", Align::Left), ("MS", Align::Right)]);
        table.row(["창가", "5"]);
        table.row(["desk-2", "1200"]);
        table.row(["a\u{1b}[31m\nb", "1"]);
        let lines = table.lines(&Output::for_arguments(&["pumasi".into(), "--json".into()]));
        assert_eq!(
            lines,
            [
                "NAME              MS",
                "창가               5",
                "desk-2          1200",
                "a\\u{1b}[31m\\nb     1",
            ]
        );
    }
}
