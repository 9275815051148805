//! From a click or a miss to bytes. [`super::form`] says what the tags mean.

use std::net::IpAddr;

use domain::{Address, CapturedClick, CapturedMiss, ClientHints};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::form::{Consented, Judged, Reduced};
use super::{MISS_VERSION, VERSION};

pub fn encode_record(click: &CapturedClick) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    encode_record_into(click, &mut bytes);
    bytes
}

/// Appends the record to `bytes`. Written field by field, in the order of their tags, since a message to be
/// encoded would own a copy of each text.
pub fn encode_record_into(click: &CapturedClick, bytes: &mut Vec<u8>) {
    bytes.push(VERSION);
    let mut fields = Fields(bytes);
    fields.bytes(1, click.id.0.as_bytes());
    fields.bytes(2, click.workspace.0.as_bytes());
    fields.bytes(3, click.link.0.as_bytes());
    fields.number(4, i64::from(click.link_version).cast_unsigned());
    fields.number(5, click.outcome.code().unsigned_abs().into());
    fields.number(6, click.status.into());
    fields.number(7, click.method.code().unsigned_abs().into());
    fields.bytes(8, click.url.as_bytes());
    fields.bytes(9, click.target.as_bytes());
    fields.address(&click.address);
    fields.text(11, click.user_agent.as_deref());
    fields.text(12, click.referrer.as_deref());
    fields.text(13, click.accept_language.as_deref());
    fields.number(14, click.redirect_micros.into());
    if let Some(rule) = &click.rule {
        fields.bytes(20, rule.id.0.as_bytes());
        fields.bytes(21, rule.name.as_bytes());
        fields.text(22, rule.variant.as_deref());
    }
    if let Address::Reduced(address) = &click.address {
        fields.message(30, &Reduced::of(address));
    }
    fields.number(31, click.above_rate.into());
    fields.number(32, click.signals.set.bits().into());
    if let Some(hints) = &click.signals.hints {
        let ClientHints { brands, platform, platform_version, model } = &**hints;
        fields.texts(33, &[brands, platform, platform_version, model]);
    }
    if let Some(consent) = &click.signals.consent {
        fields.message(34, &Consented { given: consent.given, visitor: consent.visitor.clone() });
    }
    if let Some(judged) = &click.judged {
        fields.message(35, &Judged::of(judged));
    }
}

/// Appends the record of a miss, in the order of its tags as well.
pub fn encode_miss_into(miss: &CapturedMiss, bytes: &mut Vec<u8>) {
    bytes.push(MISS_VERSION);
    let mut fields = Fields(bytes);
    fields.bytes(1, miss.id.0.as_bytes());
    fields.bytes(2, miss.workspace.0.as_bytes());
    fields.number(7, miss.method.code().unsigned_abs().into());
    fields.address(&miss.address);
    fields.text(11, miss.user_agent.as_deref());
    if let Address::Reduced(address) = &miss.address {
        fields.message(30, &Reduced::of(address));
    }
    fields.number(32, miss.signals.bits().into());
    if let Some(judged) = &miss.judged {
        fields.message(35, &Judged::of(judged));
    }
    fields.bytes(40, miss.domain.0.as_bytes());
    fields.text(41, miss.slug.as_deref());
}

/// Protobuf fields as prost writes them: a number that is zero and bytes that are none are left out.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn number(&mut self, tag: u32, value: u64) {
        if value != 0 {
            encode_key(tag, WireType::Varint, self.0);
            encode_varint(value, self.0);
        }
    }

    fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.whole(tag, bytes);
        }
    }

    /// An address in full; none of what it was reduced to.
    fn address(&mut self, address: &Address) {
        match address {
            Address::Full(IpAddr::V4(ip)) => self.bytes(10, &ip.octets()),
            Address::Full(IpAddr::V6(ip)) => self.bytes(10, &ip.octets()),
            Address::Unknown | Address::Reduced(_) => {}
        }
    }

    /// An empty text is not the same as none.
    fn text(&mut self, tag: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.whole(tag, text.as_bytes());
        }
    }

    fn whole(&mut self, tag: u32, bytes: &[u8]) {
        encode_key(tag, WireType::LengthDelimited, self.0);
        encode_varint(bytes.len() as u64, self.0);
        self.0.extend_from_slice(bytes);
    }

    /// A message whose fields from 1 on are these texts.
    fn texts(&mut self, tag: u32, texts: &[&Option<String>]) {
        let lengths = texts.iter().filter_map(|text| text.as_ref()).map(|text| text.len());
        // A tag below 16 is one byte.
        let length: usize = lengths.map(|length| 1 + encoded_len_varint(length as u64) + length).sum();
        encode_key(tag, WireType::LengthDelimited, self.0);
        encode_varint(length as u64, self.0);
        for (tag, text) in (1..).zip(texts) {
            self.text(tag, text.as_deref());
        }
    }

    fn message(&mut self, tag: u32, message: &impl Message) {
        self.whole(tag, &message.encode_to_vec());
    }
}
