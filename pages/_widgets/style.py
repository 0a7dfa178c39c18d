"""What the theme cannot say: widths, gaps, and what an embedded page leaves out."""

import streamlit as st

CSS = """
.stMainBlockContainer{max-width:1240px;padding-top:3.9rem;padding-bottom:4rem}
.stMainBlockContainer>[data-testid="stVerticalBlock"]{gap:.8rem}
h2{line-height:1.32!important;letter-spacing:-.012em;text-wrap:pretty;max-width:56rem;padding:0 0 .1rem!important}
[data-testid="stSidebar"] [role="combobox"]{font-size:.93rem;text-overflow:ellipsis}
.st-key-cards>*{flex:1 1 150px;min-height:110px}
[class*="st-key-run-card"]>:first-child:not(:has([data-testid="stMarkdown"])){aspect-ratio:320/132}
[data-testid="stSidebar"] [data-testid="stSkeleton"]{height:64px}
[data-testid="stMultiSelectTagsContainer"] input{min-width:45px!important}
[class*="st-key-caption"]{max-width:62rem}
:has(>.st-key-viewport-watch),:has(>.st-key-figure-clicks),:has(>.st-key-figure-seen){position:absolute}
.st-key-view{min-height:38px}
:is(.st-key-view) [data-testid="stPopover"] button{min-height:2rem;height:2rem}
@media(max-width:640px){h2{font-size:1.3rem!important}}
"""
BESIDE = """
@media(min-width:769px){
.stApp:not(:has([data-testid="stSidebar"],h2)) .stAppViewContainer{padding-left:281px}
}
"""
EMBEDDED = """
[data-testid="stSidebar"],[data-testid="stExpandSidebarButton"],.st-key-view,.st-key-view-phone{display:none}
.stMainBlockContainer{padding-top:2rem;padding-bottom:1rem}
"""


def apply() -> None:
    """The style sheet of this page, wherever its HTML came from."""
    st.html(sheet(embedded=bool(st.context.is_embedded)))


def sheet(*, embedded: bool, beside: bool = False) -> str:
    """The style sheet as an element; `beside` keeps the place of a sidebar that will come."""
    return f"<style>{CSS}{BESIDE if beside and not embedded else ''}{EMBEDDED if embedded else ''}</style>"
