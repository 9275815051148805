// The newest refresh token of each workspace, in IndexedDB: what one tab has written there the next
// one reads, while a change of localStorage reaches the processes of other tabs a moment later. A
// browser without it falls back on localStorage, and the server's grace for a token used twice.
export interface Kept {
  refreshToken: string;
  /** By this machine's clock, milliseconds since 1970. */
  renewedAt: number;
}

const STORE = "tokens";

export function newest(slug: string): Promise<Kept | undefined> {
  return within("readonly", (store) => store.get(slug) as IDBRequest<Kept | undefined>);
}

export async function keepNewest(slug: string, kept: Kept): Promise<void> {
  await within("readwrite", (store) => store.put(kept, slug));
}

export async function forgetNewest(slug: string): Promise<void> {
  await within("readwrite", (store) => store.delete(slug));
}

async function within<Result>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<Result>,
): Promise<Result | undefined> {
  try {
    const database = await open();
    return await new Promise<Result>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      // Only then do others see it.
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    }).finally(() => database.close());
  } catch {
    return undefined;
  }
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("linklogger", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
