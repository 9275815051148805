// Where a phone needs other elements, not only other styles.
import { useSyncExternalStore } from "react";

const phone = matchMedia("(max-width: 719px)");

/** Whether the page is as narrow as a phone's, by the same width as the styles. */
export function usePhone(): boolean {
  return useSyncExternalStore(
    (listener) => {
      phone.addEventListener("change", listener);
      return () => phone.removeEventListener("change", listener);
    },
    () => phone.matches,
  );
}
