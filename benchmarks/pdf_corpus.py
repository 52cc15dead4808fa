"""PDF files of known text by six producers, each with its text in reading order beside it.

    pdf_corpus.py FOLDER [--small]

Producers: LibreOffice, Chromium, WeasyPrint, Typst, groff, ReportLab; where one is not installed, its
files are left out and named. Each NAME.pdf has NAME.txt: the text in the order in which a person reads
it, without marks of its form. --small leaves out what takes long to make or to read.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = (
    "river stone office window letter market garden winter engine paper signal copper morning "
    "harbour ledger station village mirror lantern bridge canvas pocket summer thunder velvet "
    "walnut yellow zebra anchor basket candle desert eagle forest granite hammer island jungle "
    "kettle lemon marble needle orange pepper quartz ribbon saddle tunnel umbrella valley willow"
).split()
KOREAN = (
    "우리 사무실 컴퓨터 서로 도와 일을 나눈다 아침 회의 보고서 문서 번역 요약 그림 강물 바람 창문 "
    "편지 시장 정원 겨울 종이 신호 항구 다리 여름 사막 독수리 숲 망치 섬 주전자 대리석 바늘"
).split()
JAPANESE = "会議の資料を確認してください。次の予定は来週の月曜日です。"
CHINESE = "请在会议之前阅读这份文件。下一次讨论安排在星期三下午。"


class Text:
    """Sentences that are the same for the same seed."""

    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def sentence(self, words=WORDS, count=None) -> str:
        count = count or self.random.randint(6, 14)
        text = " ".join(self.random.choice(words) for _ in range(count))
        return text[0].upper() + text[1:] + "."

    def paragraph(self, sentences=5, words=WORDS) -> str:
        return " ".join(self.sentence(words) for _ in range(sentences))

    def title(self) -> str:
        return " ".join(self.random.choice(WORDS).capitalize() for _ in range(3))

    def table(self, rows=5) -> list[list[str]]:
        head = ["Item", "Count", "Price", "Note"]
        row = lambda at: [
            f"{self.random.choice(WORDS)} {at}",
            str(self.random.randint(1, 999)),
            f"{self.random.randint(1, 99)}.{self.random.randint(10, 99)}",
            self.random.choice(WORDS),
        ]
        return [head] + [row(at) for at in range(1, rows)]


def write(folder: Path, name: str, text: list[str]) -> None:
    (folder / f"{name}.txt").write_text("\n".join(text) + "\n")


def report(text: Text, sections: int):
    """Pieces of a report: (kind, content)."""
    pieces = [("title", text.title())]
    for _ in range(sections):
        pieces.append(("heading", text.title()))
        pieces.append(("text", text.paragraph()))
        pieces.append(("list", [text.sentence(count=5) for _ in range(3)]))
        pieces.append(("text", text.paragraph(3, KOREAN)))
        pieces.append(("table", text.table()))
        pieces.append(("text", text.paragraph()))
    return pieces


def plain(pieces) -> list[str]:
    lines = []
    for kind, content in pieces:
        if kind == "table":
            lines += [" ".join(row) for row in content]
        elif kind == "list":
            lines += content
        else:
            lines.append(content)
    return lines


def html(pieces, style: str) -> str:
    out = [f"<!doctype html><meta charset=utf-8><style>{style}</style><body>"]
    for kind, content in pieces:
        if kind == "title":
            out.append(f"<h1>{content}</h1>")
        elif kind == "heading":
            out.append(f"<h2>{content}</h2>")
        elif kind == "list":
            out.append("<ul>" + "".join(f"<li>{item}</li>" for item in content) + "</ul>")
        elif kind == "table":
            rows = ("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in content)
            out.append("<table border=1>" + "".join(rows) + "</table>")
        else:
            out.append(f"<p>{content}</p>")
    return "\n".join(out)


PAGE = "@page{size:A4;margin:20mm} body{font-family:'Noto Sans CJK KR',sans-serif;font-size:11pt}"
COLUMNS = PAGE + " body{column-count:2;column-gap:10mm} h1{column-span:all}"


def libreoffice(folder: Path) -> None:
    from docx import Document

    pieces = report(Text("libreoffice"), 3)
    document = Document()
    for kind, content in pieces:
        if kind == "title":
            document.add_heading(content, 0)
        elif kind == "heading":
            document.add_heading(content, 1)
        elif kind == "list":
            for item in content:
                document.add_paragraph(item, style="List Bullet")
        elif kind == "table":
            table = document.add_table(rows=0, cols=len(content[0]), style="Table Grid")
            for row in content:
                for cell, value in zip(table.add_row().cells, row):
                    cell.text = value
        else:
            document.add_paragraph(content)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "lo_report.docx"
        document.save(source)
        command = ["soffice", "--headless", f"-env:UserInstallation=file://{scratch}/profile"]
        command += ["--convert-to", "pdf", "--outdir", str(folder), str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
    write(folder, "lo_report", plain(pieces))


def chromium(folder: Path) -> None:
    binary = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    columns = [("title", "Two Columns")]
    text = Text("chromium")
    for _ in range(6):
        columns += [("heading", text.title()), ("text", text.paragraph(9))]
        columns += [("text", text.paragraph(5, KOREAN))]
    for name, pieces, style in [
        ("chrome_columns", columns, COLUMNS),
        ("chrome_report", report(text, 3), PAGE),
    ]:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "page.html"
            page.write_text(html(pieces, style))
            command = [binary, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
            command += [f"--user-data-dir={scratch}/profile", f"--print-to-pdf={folder}/{name}.pdf"]
            subprocess.run(command + [page.as_uri()], check=True, capture_output=True, timeout=180)
        write(folder, name, plain(pieces))


def weasyprint(folder: Path) -> None:
    from weasyprint import HTML

    pieces = report(Text("weasyprint"), 2)
    pieces += [("text", JAPANESE * 4), ("text", CHINESE * 4)]
    HTML(string=html(pieces, PAGE)).write_pdf(folder / "weasy_report.pdf")
    write(folder, "weasy_report", plain(pieces))


def typst(folder: Path) -> None:
    import typst as compiler

    text = Text("typst")
    pieces = report(text, 2)
    source = ['#set text(font: ("Libertinus Serif", "Noto Sans CJK KR"))']
    for kind, content in pieces:
        if kind == "title":
            source.append(f"= {content}")
        elif kind == "heading":
            source.append(f"== {content}")
        elif kind == "list":
            source += [f"- {item}" for item in content]
        elif kind == "table":
            cells = ", ".join(f"[{c}]" for row in content for c in row)
            source.append(f"#table(columns: 4, {cells})")
        else:
            source += ["", content, ""]
    columns = [("title", text.title())] + [("text", text.paragraph(8)) for _ in range(9)]
    source2 = [f"= {columns[0][1]}", "#columns(2)["]
    source2 += ["\n" + content + "\n" for kind, content in columns if kind == "text"] + ["]"]
    for name, made, lines in [("typst_report", source, pieces), ("typst_columns", source2, columns)]:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "page.typ"
            page.write_text("\n".join(made))
            compiler.compile(page, output=folder / f"{name}.pdf")
        write(folder, name, plain(lines))


def groff(folder: Path) -> None:
    text = Text("groff")
    title, lines = text.title(), []
    source = [".TL", title, ".2C"]
    lines.append(title)
    for _ in range(8):
        heading, body = text.title(), text.paragraph(9)
        source += [".SH", heading, ".PP", body]
        lines += [heading, body]
    made = subprocess.run(
        ["groff", "-ms", "-Tpdf"], input="\n".join(source).encode() + b"\n", capture_output=True,
        check=True,
    )
    (folder / "groff_columns.pdf").write_bytes(made.stdout)
    write(folder, "groff_columns", lines)


def reportlab(folder: Path, small: bool) -> None:
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.pdfgen import canvas
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    styles = getSampleStyleSheet()
    text, lines, story = Text("reportlab"), [], []
    for pages in range(20 if small else 320):
        heading = f"Chapter {pages + 1} {text.title()}"
        story.append(Paragraph(heading, styles["Heading1"]))
        lines.append(heading)
        for _ in range(4):
            body = text.paragraph(7)
            story += [Paragraph(body, styles["BodyText"]), Spacer(1, 8)]
            lines.append(body)
        rows = text.table(6)
        grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]
        story += [Table(rows, style=TableStyle(grid)), Spacer(1, 200)]
        lines += [" ".join(row) for row in rows]
    SimpleDocTemplate(str(folder / "rl_book.pdf"), pagesize=A4).build(story)
    write(folder, "rl_book", lines)

    text, lines = Text("rotated"), []
    page = canvas.Canvas(str(folder / "rl_rotated.pdf"), pagesize=A4)
    for angle in (0, 90, 180, 270):
        page.setPageRotation(angle)
        for line in range(20):
            sentence = text.sentence(count=8)
            page.drawString(72, 560 - 25 * line, sentence)
            lines.append(sentence)
        page.showPage()
    page.setPageRotation(0)
    page.saveState()
    page.translate(300, 100)
    page.rotate(90)
    for line in range(6):
        sentence = text.sentence(count=8)
        page.drawString(0, -20 * line, sentence)
        lines.append(sentence)
    page.restoreState()
    page.showPage()
    page.save()
    write(folder, "rl_rotated", lines)

    # A table without lines, and cells of which some are empty.
    text, rows = Text("tables"), []
    page = canvas.Canvas(str(folder / "rl_table.pdf"), pagesize=A4)
    page.setFont("Helvetica", 10)
    for at, row in enumerate(text.table(30)):
        for cell, (value, x) in enumerate(zip(row, (72, 220, 300, 400))):
            if (at + cell) % 7 == 3 and at:
                row[cell] = ""
            else:
                page.drawString(x, 780 - 16 * at, value)
        rows.append(" ".join(filter(None, row)))
    page.showPage()
    page.save()
    write(folder, "rl_table", rows)


def encrypted(folder: Path) -> None:
    import pikepdf

    source = folder / "rl_rotated.pdf"
    for name, level, user in [
        ("enc_owner_aes", 6, ""),
        ("enc_owner_rc4", 3, ""),
        ("enc_user_aes", 6, "sesame"),
    ]:
        with pikepdf.open(source) as pdf:
            protection = pikepdf.Encryption(owner="owner", user=user, R=level, aes=level > 3, metadata=level > 3)
            pdf.save(folder / f"{name}.pdf", encryption=protection)
        shutil.copy(folder / "rl_rotated.txt", folder / f"{name}.txt")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    makers = [libreoffice, chromium, weasyprint, typst, groff]
    makers += [lambda folder: reportlab(folder, arguments.small), encrypted]
    for maker in makers:
        try:
            maker(arguments.folder)
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            print(f"left out: {maker.__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
