"""A page in a headless browser: what its script makes of it, asked from a frame around it."""

import html
import json
import re
import shutil
import subprocess

import pytest

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium on the path")

FRAME = """<html><body><iframe src="{name}" style="width:{width}px;height:900px;border:0"></iframe>
<p id="said"></p><script>
const frame = document.querySelector("iframe");
frame.onload = () => setTimeout(() => {{
  const page = frame.contentDocument, root = page.documentElement;
  const sliders = [...page.querySelectorAll("input[type=range]")].map(range => {{
    const told = [range.min, range.max].map(value => {{
      range.value = value;
      range.dispatchEvent(new Event("input"));
      const shown = range.closest("figure").querySelectorAll(".readout tbody tr");
      return [range.closest(".control").querySelector("output").textContent, range.getAttribute("aria-valuetext"),
              [...shown].map(row => [...row.cells].map(cell => cell.textContent))];
    }});
    return {{name: range.labels[0].textContent, told}};
  }});
  const marks = [...page.querySelectorAll(".mark")].map(mark => {{
    mark.focus();
    return [mark.getAttribute("aria-label"), mark.closest("figure").querySelector(".hint").textContent];
  }});
  const pictures = [...page.querySelectorAll("img")].filter(each => each.naturalWidth > 0).length;
  document.getElementById("said").textContent = JSON.stringify({{
    width: root.scrollWidth, pictures, sliders, marks, elements: page.querySelectorAll("*").length,
    strange: page.querySelectorAll("b, iframe, form, main script:not([type]), svg script").length,
    ran: frame.contentWindow.a ?? 0,
  }});
}}, 300);
</script></body></html>"""


def in_browser(path, width, folder):
    """What a browser makes of a page, and what it had to say: sliders at both ends, events with the focus."""
    shutil.copy(path, folder / "report.html")
    (folder / "frame.html").write_text(FRAME.format(name="report.html", width=width), encoding="utf-8")
    browser = [
        shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
        "--enable-logging=stderr", "--virtual-time-budget=5000", f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width + 60},1000", "--dump-dom", (folder / "frame.html").as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(browser, capture_output=True, text=True, timeout=120)
    said = re.search(r'<p id="said">(.+?)</p>', ended.stdout.split("</iframe>")[-1], re.DOTALL)
    assert said, ended.stderr
    assert "CONSOLE" not in ended.stderr  # nor does the policy forbid anything that the page does
    return json.loads(html.unescape(said[1]))
