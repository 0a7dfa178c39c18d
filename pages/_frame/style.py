"""What the theme cannot say: widths, gaps, and what an embedded page leaves out."""

import streamlit as st

from lmc_core.figures.palette import THEMES

LIGHT, DARK = THEMES["light"], THEMES["dark"]
FADED = 0.75  # of the words around them, what captions keep
PLOTLY_GREY = "#808495"  # Streamlit's, for the titles of a figure on a light page
CSS = """
.stMainBlockContainer{max-width:1240px;padding-top:3.9rem;padding-bottom:4rem}
.stMainBlockContainer>[data-testid="stVerticalBlock"]{gap:.8rem}
h2{line-height:1.32!important;letter-spacing:-.012em;text-wrap:pretty;max-width:56rem;padding:0 0 .1rem!important}
[data-testid="stSidebar"] [role="combobox"]{font-size:.93rem;text-overflow:ellipsis}
.st-key-cards>*{flex:1 1 150px;min-height:110px}
:is([data-testid="stMetricLabel"],[data-testid="stMetricDelta"]) *{white-space:normal!important;overflow-wrap:anywhere}
[class*="st-key-run-card"]>:first-child:not(:has([data-testid="stMarkdown"])){aspect-ratio:320/132}
[data-testid="stSidebar"] [data-testid="stSkeleton"]{height:64px}
[data-testid="stMultiSelectTagsContainer"] input{min-width:45px!important}
[class*="st-key-caption"]{max-width:62rem}
:has(>.st-key-viewport-watch),:has(>.st-key-figure-clicks),:has(>.st-key-figure-seen){position:absolute}
.at-once{box-sizing:border-box}
.at-once img{display:block}
:has(>*>.st-key-figure-at-once)>.st-key-figure:not(:has(.main-svg)){opacity:0}
:has(>*>.st-key-figure-at-once){position:relative}
:has(>.st-key-figure-at-once){position:absolute;width:100%;z-index:1;pointer-events:none}
:has(>.st-key-figure .main-svg) .at-once{display:none}
.st-key-view{min-height:38px}
:is(.st-key-view) [data-testid="stPopover"] button{min-height:2rem;height:2rem}
@media(min-width:641px) and (max-width:860px){
.st-key-cards>*{min-height:122px}
.st-key-view:has([data-testid="stPopover"]){min-height:83px}
}
@media(max-width:640px){h2{font-size:1.3rem!important}}
"""


def _filled(colour: str) -> str:
    """Selects the words of a figure that are drawn in this colour."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f'[style*="fill: rgb({red}, {green}, {blue})"],[style*="fill:{colour}"]'


# `light-dark` follows the page, but only inside of it: a popover lies beside it, and mixes the colour of its own words
GREY, BLUE, VIOLET = (
    f"light-dark({light.text},{dark.text})"
    for light, dark in ((LIGHT.grey, DARK.grey), (LIGHT.a, DARK.a), (LIGHT.b, DARK.b))
)
MODELS = '[class*="st-key-weight-"]'  # their dots are drawn here: a screen reader would spell the mark-up of a label
READABLE = f"""
[data-testid="stCaptionContainer"]{{opacity:1;color:color-mix(in srgb,currentColor {FADED:.0%},transparent)}}
.js-plotly-plot :is(text,tspan):is({_filled(PLOTLY_GREY)},{_filled(LIGHT.neutral)}){{fill:{GREY}!important}}
{MODELS} label p::before{{content:"● " / "";color:{GREY}}}
:is(.st-key-a,:nth-child(1 of {MODELS})) label p::before{{content:"● " / "";color:{BLUE}}}
:is(.st-key-b,:nth-child(2 of {MODELS})) label p::before{{content:"● " / "";color:{VIOLET}}}
.stApp :is([role="radio"][aria-checked="true"],[role="tab"][aria-selected="true"]) p{{color:{BLUE}}}
a:focus-visible{{outline:2px solid currentColor!important;outline-offset:2px}}
"""
BESIDE = """
@media(min-width:769px){
.stApp:not(:has([data-testid="stSidebar"],h2)) .stAppViewContainer{padding-left:281px}
}
"""
EMBEDDED = """
[data-testid="stHeader"],[data-testid="stSidebar"],.st-key-view,.st-key-view-phone{display:none}
.stMainBlockContainer{padding-top:2rem;padding-bottom:1rem}
"""


def apply() -> None:
    """The style sheet of this page, wherever its HTML came from."""
    st.html(sheet(embedded=bool(st.context.is_embedded)))


def sheet(*, embedded: bool, beside: bool = False) -> str:
    """The style sheet as an element; `beside` keeps the place of a sidebar that will come."""
    return f"<style>{CSS}{READABLE}{BESIDE if beside and not embedded else ''}{EMBEDDED if embedded else ''}</style>"
