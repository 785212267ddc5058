/* tinymap 0.3, a map in four functions. */
export class TinyMap {
  constructor(element, options) {
    this.element = element;
    this.zoom = options.zoom;
    this.markers = [];
  }

  setZoom(zoom) {
    this.zoom = Math.max(1, Math.min(18, zoom));
    this.draw();
  }

  addMarker(position, title) {
    this.markers.push({ position, title });
    this.draw();
  }

  setCenter(position) {
    this.center = position;
    this.draw();
  }
}
