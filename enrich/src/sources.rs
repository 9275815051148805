//! Where a visitor came from.

/// Parameters by which advertising and mailing services follow one click, lower case.
const CLICK_IDS: [&str; 28] = [
    "gclid",
    "gclsrc",
    "gbraid",
    "wbraid",
    "dclid",
    "gad_source",
    "gad_campaignid",
    "srsltid",
    "fbclid",
    "igshid",
    "igsh",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "epik",
    "rdt_cid",
    "sccid",
    "yclid",
    "ysclid",
    "irclickid",
    "mc_eid",
    "_hsenc",
    "_hsmi",
    "mkt_tok",
    "vero_id",
    "oly_enc_id",
    "s_kwcid",
];

/// Whether a parameter of that name follows one click.
pub(crate) fn is_click_id(name: &str) -> bool {
    CLICK_IDS.iter().any(|id| name.eq_ignore_ascii_case(id))
}
