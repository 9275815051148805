// Whom to name for places and networks, where they are shown.
import { GEO_SOURCES } from "../words";

export function PlacesNote() {
  const { intro, sources, licence, geoLite } = GEO_SOURCES;
  return (
    <p className="quiet sources">
      {intro}{" "}
      {sources.map(({ name, url }, index) => (
        <span key={url}>
          {index > 0 ? ", " : null}
          <a href={url} rel="noreferrer">
            {name}
          </a>
        </span>
      ))}{" "}
      (
      <a href={licence.url} rel="license noreferrer">
        {licence.name}
      </a>
      ). {geoLite.when} {geoLite.says}{" "}
      <a href={geoLite.url} rel="noreferrer">
        {geoLite.url}
      </a>
      .
    </p>
  );
}
