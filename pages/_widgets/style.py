"""What the theme cannot say: widths, gaps, and what an embedded page leaves out."""

import streamlit as st

CSS = """
.stMainBlockContainer{max-width:1240px;padding-top:3.9rem;padding-bottom:4rem}
.stMainBlockContainer>[data-testid="stVerticalBlock"]{gap:.8rem}
h2{line-height:1.32!important;letter-spacing:-.012em;text-wrap:pretty;max-width:56rem;padding:0 0 .1rem!important}
[data-testid="stSidebar"] [role="combobox"]{font-size:.93rem;text-overflow:ellipsis}
.st-key-cards>*{flex:1 1 150px}
[data-testid="stMultiSelectTagsContainer"] input{min-width:45px!important}
[class*="st-key-caption"]{max-width:62rem}
:has(>.st-key-viewport-watch),:has(>.st-key-figure-clicks),:has(>.st-key-figure-seen){position:absolute}
:is(.st-key-view) [data-testid="stPopover"] button{min-height:2rem;height:2rem}
@media(max-width:640px){h2{font-size:1.3rem!important}}
"""
EMBEDDED = """
[data-testid="stSidebar"],[data-testid="stExpandSidebarButton"],.st-key-view,.st-key-view-phone{display:none}
.stMainBlockContainer{padding-top:2rem;padding-bottom:1rem}
"""


def apply() -> None:
    st.html(f"<style>{CSS}{EMBEDDED if st.context.is_embedded else ''}</style>")
