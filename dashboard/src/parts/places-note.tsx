// Whom to name for places, where they are shown: DB-IP's licence (CC BY 4.0) asks for this very link.

export function PlacesNote() {
  return (
    <p className="quiet small">
      City data, where this installation has it:{" "}
      <a href="https://db-ip.com" rel="noreferrer">
        IP Geolocation by DB-IP
      </a>
    </p>
  );
}
