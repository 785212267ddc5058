import { TinyMap } from "../vendor/tinymap/tinymap.js";

const DEFAULT_ZOOM = 9;

/** Shows the way of a parcel on a map, with a marker at each depot that scanned it. */
export function showRoute(element, scans) {
  const map = new TinyMap(element, { zoom: DEFAULT_ZOOM });
  for (const scan of scans) {
    map.addMarker(scan.depot.position, `${scan.state} at ${scan.depot.name}`);
  }
  map.fitBounds();
  return map;
}

/** Zooms to the last depot that saw the parcel. */
export function zoomToLastScan(map, scans) {
  const last = scans[scans.length - 1];
  map.setZoom(14);
  map.setCenter(last.depot.position);
}
