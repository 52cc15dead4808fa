"""Reads the files of pdf_corpus.py with this project's extractor, pdftotext and pdfium, side by side.

    pdf.py CORPUS EXTRACTOR [--rounds N]

EXTRACTOR is the example `extract` of engines/document. For each file: the character error (Levenshtein
distance to the known text ÷ its length, in percent; white space, bullets and Markdown's own marks left
out, NFKC) in reading order, and the processor time of a page in milliseconds, the least of some rounds,
in which the three take turns. Times of the extractor and of pdftotext are those of whole processes;
pdfium's are those of its calls within one, so its start is not in them.
"""

import argparse
import json
import re
import resource
import subprocess
import time
import unicodedata
from pathlib import Path

import pypdfium2
from rapidfuzz.distance import Levenshtein

PASSWORDS = {"enc_user_aes": "sesame"}


def normal(text: str) -> str:
    return re.sub(r"[\s•◦▪·]+", "", unicodedata.normalize("NFKC", text))


def plain(markdown: str) -> str:
    lines = []
    for line in markdown.replace("\f", "\n").splitlines():
        if re.fullmatch(r"\|( --- \|)+", line):
            continue
        line = re.sub(r"^(#+|-) ", "", line)
        if line.startswith("|"):
            line = line.replace("\\|", "\0").replace("|", " ").replace("\0", "|")
        lines.append(line)
    return "\n".join(lines)


def error(text: str, known: str) -> float:
    return 100 * Levenshtein.distance(normal(text), normal(known)) / max(1, len(normal(known)))


def process(command: list[str]) -> tuple[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return output, 1000 * spent


def pdfium(path: Path, password: str | None) -> tuple[str, float, int]:
    began = time.process_time()
    document = pypdfium2.PdfDocument(path, password=password)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    return text, 1000 * (time.process_time() - began), len(document)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("extractor")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rows, worst = [], 0
    for path in sorted(arguments.corpus.glob("*.pdf")):
        password = PASSWORDS.get(path.stem)
        word = ["--password", password] if password else []
        upw = ["-upw", password] if password else []
        known, best = path.with_suffix(".txt").read_text(), {}
        for _ in range(arguments.rounds):
            ours, ours_ms = process([arguments.extractor, *word, str(path)])
            poppler, poppler_ms = process(["pdftotext", *upw, str(path), "-"])
            chrome, chrome_ms, pages = pdfium(path, password)
            for name, ms in (("ours", ours_ms), ("pdftotext", poppler_ms), ("pdfium", chrome_ms)):
                best[name] = min(best.get(name, ms), ms)
        row = {"file": path.stem, "pages": pages}
        row["error_percent"] = {
            "ours": round(error(plain(ours), known), 2),
            "pdftotext": round(error(poppler, known), 2),
            "pdfium": round(error(chrome, known), 2),
        }
        row["ms_per_page"] = {name: round(ms / pages, 3) for name, ms in best.items()}
        errors = row["error_percent"]
        worst += errors["ours"] > min(errors["pdftotext"], errors["pdfium"])
        rows.append(row)
        print(json.dumps(row))
    pages = sum(row["pages"] for row in rows)
    totals = {
        name: round(sum(row["ms_per_page"][name] * row["pages"] for row in rows) / pages, 3)
        for name in ("ours", "pdftotext", "pdfium")
    }
    print(json.dumps({"pages": pages, "ms_per_page": totals, "files_with_more_errors": worst}))


if __name__ == "__main__":
    main()
