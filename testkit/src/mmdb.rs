//! Builds tiny databases in MaxMind's format for tests
//! (<https://maxmind.github.io/MaxMind-DB/>, version 2.0): a tree with 24-bit records, a data
//! section, the metadata.

use std::net::IpAddr;

use ipnet::IpNet;

#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Float(f32),
    Double(f64),
    Bytes(Vec<u8>),
    /// An unsigned integer of 16, 32 or 64 bits.
    Number(u64, u8),
    Signed(i32),
    /// An unsigned integer of 128 bits.
    Huge(u128),
    Bool(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// A database of IP version 4 or 6 with a value for each network; the networks do not overlap.
pub fn build(version: u32, networks: &[(&str, Value)]) -> Vec<u8> {
    build_at(0, version, networks)
}

/// The same, built at an instant in Unix seconds; 0 stands for none.
pub fn build_at(epoch: u64, version: u32, networks: &[(&str, Value)]) -> Vec<u8> {
    // Node ▸ two children: another node, or a value's index, or nothing.
    let mut nodes: Vec<[Child; 2]> = vec![[Child::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let network: IpNet = network.parse().unwrap();
        let bits = bits(network.addr());
        let mut node = 0;
        for (depth, bit) in bits.iter().enumerate().take(usize::from(network.prefix_len())) {
            let side = usize::from(*bit);
            if depth + 1 == usize::from(network.prefix_len()) {
                nodes[node][side] = Child::Value(data.len());
                break;
            }
            node = match nodes[node][side] {
                Child::Node(next) => next,
                _ => {
                    nodes.push([Child::Nothing; 2]);
                    let next = nodes.len() - 1;
                    nodes[node][side] = Child::Node(next);
                    next
                }
            };
        }
        put(&mut data, value);
    }
    let mut bytes = Vec::new();
    for child in nodes.iter().flatten() {
        let record = match child {
            Child::Nothing => nodes.len(),
            Child::Node(node) => *node,
            Child::Value(offset) => nodes.len() + 16 + offset,
        };
        bytes.extend(&(record as u32).to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let entry = |key: &str, value| (key.to_owned(), value);
    put(
        &mut bytes,
        &Value::Map(vec![
            entry("node_count", Value::Number(nodes.len() as u64, 32)),
            entry("record_size", Value::Number(24, 16)),
            entry("ip_version", Value::Number(u64::from(version), 16)),
            entry("database_type", Value::Text("Test".into())),
            entry("languages", Value::List(vec![])),
            entry("binary_format_major_version", Value::Number(2, 16)),
            entry("binary_format_minor_version", Value::Number(0, 16)),
            entry("build_epoch", Value::Number(epoch, 64)),
            entry("description", Value::Map(vec![])),
        ]),
    );
    bytes
}

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Value(usize),
}

fn bits(ip: IpAddr) -> Vec<bool> {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1)).collect()
}

fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => {
            control(bytes, 2, text.len());
            bytes.extend(text.as_bytes());
        }
        Value::Double(number) => {
            control(bytes, 3, 8);
            bytes.extend(number.to_be_bytes());
        }
        Value::Bytes(value) => {
            control(bytes, 4, value.len());
            bytes.extend(value);
        }
        Value::Signed(number) => {
            control(bytes, 8, 4);
            bytes.extend(number.to_be_bytes());
        }
        Value::Huge(number) => {
            control(bytes, 10, 16);
            bytes.extend(number.to_be_bytes());
        }
        // The size is the value.
        Value::Bool(is) => control(bytes, 14, usize::from(*is)),
        Value::Number(number, bits) => {
            let kind = match bits {
                16 => 5,
                32 => 6,
                _ => 9,
            };
            control(bytes, kind, usize::from(bits / 8));
            bytes.extend(&number.to_be_bytes()[8 - usize::from(bits / 8)..]);
        }
        Value::Map(entries) => {
            control(bytes, 7, entries.len());
            for (key, value) in entries {
                put(bytes, &Value::Text(key.clone()));
                put(bytes, value);
            }
        }
        Value::List(items) => {
            control(bytes, 11, items.len());
            items.iter().for_each(|item| put(bytes, item));
        }
        Value::Float(number) => {
            control(bytes, 15, 4);
            bytes.extend(number.to_be_bytes());
        }
    }
}

/// Type and size; types above 7 take a byte of their own, as do sizes above 28.
fn control(bytes: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 29 + 256, "larger values are not needed");
    let (size, more) = if size < 29 { (size as u8, None) } else { (29, Some((size - 29) as u8)) };
    if kind <= 7 {
        bytes.push(kind << 5 | size);
    } else {
        bytes.extend([size, kind - 7]);
    }
    bytes.extend(more);
}
