import { Listing } from "./listing.ts";
import type { Fetch, FileSource } from "./send-file.ts";
import type { AnswerOf, BodyOf, Call, Person, PersonScene, PhotoState, QueryOf } from "./types.ts";
import { toSignal, transfer, type TransferOptions } from "./upload.ts";

type PhotoType = BodyOf<"createPhoto">["content_type"];

/** The people whom the caller has named. */
export class PeopleArea {
  readonly #call: Call;
  readonly #fetch: Fetch | undefined;

  constructor(call: Call, fetch?: Fetch) {
    this.#call = call;
    this.#fetch = fetch;
  }

  /** People, newest first. */
  list(query: Omit<QueryOf<"listPeople">, "cursor"> = {}): Listing<AnswerOf<"listPeople">, Person> {
    return new Listing((cursor) =>
      this.#call("listPeople", {
        query: { ...query, ...cursor === undefined ? {} : { cursor } },
      }), ({ people }) => people);
  }

  create(name: string): Promise<Person> {
    return this.#call("createPerson", { body: { name } });
  }

  get(id: string): Promise<Person> {
    return this.#call("getPerson", { path: { id } });
  }

  rename(id: string, name: string): Promise<Person> {
    return this.#call("renamePerson", { path: { id }, body: { name } });
  }

  /** Deletes the person with all photos, vectors and links to scenes. */
  async delete(id: string): Promise<void> {
    await this.#call("deletePerson", { path: { id } });
  }

  /** Makes the person part of `into`, who stays. */
  merge(id: string, into: string): Promise<Person> {
    return this.#call("mergePeople", { path: { id }, body: { into } });
  }

  /** Scenes in which the person appears, the surest first. */
  scenes(
    id: string,
    query: Omit<QueryOf<"listPersonScenes">, "cursor"> = {},
  ): Listing<AnswerOf<"listPersonScenes">, PersonScene> {
    return new Listing((cursor) =>
      this.#call("listPersonScenes", {
        path: { id },
        query: { ...query, ...cursor === undefined ? {} : { cursor } },
      }), ({ scenes }) => scenes);
  }

  /** Uploads a photo and adds it to the person; needs the user's consent (`face_consent`). */
  async addPhoto(
    id: string,
    photo: FileSource,
    options: TransferOptions = {},
  ): Promise<PhotoState> {
    const contentType = photo.type as PhotoType;
    const signal = toSignal(options.signal);
    let key = "";
    const begin = async () => {
      const body = { content_type: contentType, size_bytes: photo.size };
      const ticket = await this.#call("createPhoto", { path: { id }, body, ...signal });
      key = ticket.photo_key;
      return ticket;
    };
    const complete = () =>
      this.#call("completePhoto", { path: { id }, body: { photo_key: key }, ...signal });
    return await transfer(photo, {
      operation: "addPhoto",
      contentType,
      fetch: this.#fetch,
      begin,
      complete,
    }, options);
  }
}
