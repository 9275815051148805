//! From bytes to a click. What is out of range makes a record malformed, never another click.

use domain::{
    Address, CapturedClick, ClickId, ClickRule, ClientHints, Consent, LinkId, Method, Outcome, RuleId, SignalSet, Signals, WorkspaceId,
};
use prost::Message as _;
use uuid::Uuid;

use super::form::{Consented, Hints, Record};
use super::{RecordError, VERSION};

/// # Errors
/// [`RecordError`] when the bytes are of a later version or no record.
pub fn decode_record(bytes: &[u8]) -> Result<CapturedClick, RecordError> {
    let (version, fields) = bytes.split_first().ok_or(RecordError::Malformed)?;
    if *version != VERSION {
        return Err(RecordError::UnknownVersion(*version));
    }
    let record = Record::decode(fields).map_err(|_| RecordError::Malformed)?;
    let address = match (record.reduced, record.ip.len()) {
        (Some(reduced), _) => Address::Reduced(Box::new(reduced.address())),
        (None, 0) => Address::Unknown,
        (None, 4) => Address::Full(<[u8; 4]>::try_from(&*record.ip).map_err(|_| RecordError::Malformed)?.into()),
        (None, _) => Address::Full(<[u8; 16]>::try_from(&*record.ip).map_err(|_| RecordError::Malformed)?.into()),
    };
    let rule = match &*record.rule_id {
        [] => None,
        id => Some(ClickRule { id: RuleId(uuid(id)?), name: record.rule_name, variant: record.variant }),
    };
    let hints = |Hints { brands, platform, platform_version, model }| Box::new(ClientHints { brands, platform, platform_version, model });
    let consent = |Consented { given, visitor }| Box::new(Consent { given, visitor });
    let signals =
        Signals { set: SignalSet::from_bits(record.signals), hints: record.hints.map(hints), consent: record.consent.map(consent) };
    Ok(CapturedClick {
        id: ClickId(uuid(&record.id)?),
        workspace: WorkspaceId(uuid(&record.workspace)?),
        link: LinkId(uuid(&record.link)?),
        link_version: record.link_version,
        outcome: known(record.outcome, Outcome::from_code)?,
        status: u16::try_from(record.status).map_err(|_| RecordError::Malformed)?,
        method: known(record.method, Method::from_code)?,
        url: record.url,
        target: record.target,
        address,
        user_agent: record.user_agent,
        referrer: record.referrer,
        accept_language: record.accept_language,
        redirect_micros: record.redirect_micros,
        rule,
        above_rate: record.above_rate,
        signals,
        judged: record.judged.map(|judged| judged.agent().map(Box::new).ok_or(RecordError::Malformed)).transpose()?,
    })
}

fn known<T>(code: u32, from: impl Fn(i16) -> Option<T>) -> Result<T, RecordError> {
    i16::try_from(code).ok().and_then(from).ok_or(RecordError::Malformed)
}

fn uuid(bytes: &[u8]) -> Result<Uuid, RecordError> {
    Uuid::from_slice(bytes).map_err(|_| RecordError::Malformed)
}
