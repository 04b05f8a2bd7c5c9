// Written by npm run client:types from docs/openapi.json

export interface components {
    schemas: {
        Session: {
            access_token: string;
            /** @enum {string} */
            token_type: "bearer";
            /** @example 3600 */
            expires_in: number;
            refresh_token: string;
            user: components["schemas"]["Profile"];
        };
        Profile: {
            /**
             * Format: uuid
             * @example 5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11
             */
            id: string;
            /** @example mina@example.com */
            email: string;
            email_verified: boolean;
            /** @example Mina Park */
            display_name: string | null;
            onboarding_completed: boolean;
            /** @example Entertainment */
            industry: string | null;
            /** @example Video editor */
            job_title: string | null;
            email_consent: boolean;
            /**
             * @example {
             *       "theme": "dark"
             *     }
             */
            preferences: {
                [key: string]: string | number | boolean;
            };
            /**
             * @example free
             * @enum {string}
             */
            tier: "free" | "pro" | "enterprise";
            /**
             * Format: date-time
             * @example 2026-11-22T10:00:00.000Z
             */
            created_at: string | null;
        };
        Message: {
            /** @example If an account with this address exists, a mail with a sign-in link is on its way */
            message: string;
        };
        Problem: {
            /** @example urn:heimdex:problem:validation_failed */
            type: string;
            /** @example The request is not valid */
            title: string;
            /** @example 422 */
            status: number;
            /** @example The body is not valid, check title */
            detail: string;
            /**
             * @example validation_failed
             * @enum {string}
             */
            code: "invalid_json" | "invalid_cursor" | "token_missing" | "token_invalid" | "token_expired" | "session_revoked" | "invalid_credentials" | "invalid_password" | "reauthentication_required" | "refresh_token_invalid" | "code_invalid" | "signature_invalid" | "signature_expired" | "key_invalid" | "forbidden" | "consent_required" | "feature_disabled" | "insufficient_aal" | "email_not_confirmed" | "user_banned" | "route_not_found" | "video_not_found" | "person_not_found" | "photo_not_found" | "export_not_found" | "job_not_found" | "organization_not_found" | "user_not_found" | "erasure_not_found" | "method_not_allowed" | "person_exists" | "photo_limit_reached" | "video_state_conflict" | "lease_lost" | "job_cancelled" | "revision_conflict" | "parts_missing" | "upload_missing" | "idempotency_conflict" | "user_still_exists" | "delivery_in_progress" | "last_admin" | "erasure_not_cancellable" | "erasure_state_conflict" | "payload_too_large" | "unsupported_media_type" | "validation_failed" | "upload_mismatch" | "captions_invalid" | "metadata_too_large" | "weak_password" | "same_password" | "event_unknown" | "upload_quota_exceeded" | "rate_limited" | "internal_error" | "auth_unavailable" | "database_unavailable" | "storage_unavailable" | "keys_unavailable" | "embedder_unavailable";
            /** @example 2f6f0c0e-5d0a-4f2b-9a9e-3f1c1d7a9b10 */
            request_id: string;
            errors?: {
                /** @example title */
                path: string;
                /** @example Too small: expected string to have >=1 characters */
                message: string;
            }[];
        };
        Registration: {
            /**
             * Format: email
             * @example mina@example.com
             */
            email: string;
            /** @example correct horse battery staple */
            password: string;
            /** @example Mina Park */
            display_name?: string;
            /** @example https://app.example.com/welcome */
            redirect_to?: string;
        };
        Credentials: {
            /**
             * Format: email
             * @example mina@example.com
             */
            email: string;
            /** @example correct horse battery staple */
            password: string;
        };
        RefreshRequest: {
            /** @example v1a2b3c4d5e6 */
            refresh_token: string;
        };
        LogoutRequest: {
            /**
             * @description global: all sessions (the default); local: this one; others: all but this one
             * @example local
             * @enum {string}
             */
            scope?: "global" | "local" | "others";
        };
        MailRequest: {
            /**
             * Format: email
             * @example mina@example.com
             */
            email: string;
            /** @example https://app.example.com/welcome */
            redirect_to?: string;
        };
        PasswordChange: {
            /** @example correct horse battery staple */
            password: string;
            current_password?: string;
            /**
             * @description The code of a reauthentication mail, for sessions older than 24 hours
             * @example 123456
             */
            nonce?: string;
        };
        Verification: {
            /**
             * @example signup
             * @enum {string}
             */
            type: "signup" | "email" | "magiclink" | "recovery" | "invite" | "email_change";
            /** @example 8d7b1f0e6a */
            token_hash?: string;
            /**
             * Format: email
             * @example mina@example.com
             */
            email?: string;
            /** @example 123456 */
            token?: string;
        };
        ChangedProfile: components["schemas"]["Profile"] & {
            /** @enum {boolean} */
            refresh_required: true;
        };
        Onboarding: {
            /** @example Entertainment */
            industry: string;
            /** @example Video editor */
            job_title: string;
            email_consent: boolean;
            /** @example Mina Park */
            display_name?: string;
            /** @example email-2026-11 */
            consent_text_version?: string;
        };
        ErasurePreview: {
            videos: {
                /** @example 12 */
                count: number;
                /** @example 734003200 */
                bytes: number;
            };
            scenes: {
                /** @example 12 */
                count: number;
            };
            people: {
                /** @example 12 */
                count: number;
            };
            photos: {
                /** @example 12 */
                count: number;
                /** @example 734003200 */
                bytes: number;
            };
            /** @description What goes, by bucket */
            files: {
                [key: string]: {
                    /** @example 12 */
                    count: number;
                    /** @example 734003200 */
                    bytes: number;
                };
            };
            /** @description Rows that name the user, by table; those of organizations lose the name */
            tables: {
                [key: string]: number;
            };
            /** @description Stay with their organizations */
            organization_videos: {
                /** @example 12 */
                count: number;
                /** @example 734003200 */
                bytes: number;
            };
            blocked_by: {
                /** @enum {string} */
                code: "last_admin";
                /** Format: uuid */
                organization_id: string;
                name: string;
                /** @description Members besides the caller */
                members: number;
            }[];
            /**
             * @description What this session has to show: the password, or a sign-in of the last 5 minutes
             * @enum {string}
             */
            confirmation: "password" | "sign_in" | "none";
            second_factor_required: boolean;
        };
        DeletionTicket: {
            /** Format: uuid */
            erasure_id: string;
            /**
             * @description scheduled waits for its time; held and dead wait for an operator; provisional is erased and waits for the sweep of late uploads; final is proven
             * @enum {string}
             */
            state: "scheduled" | "held" | "pending" | "running" | "provisional" | "final" | "cancelled" | "dead";
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            effective_at: string;
            /**
             * @description Shown this once: keep it to ask for the status after the account is gone
             * @example erasure_zq3fJrXc0mD4bE8sT1uV6wY9aKpLhNgRiOeQxCdFvBs
             */
            status_token: string;
        };
        AccountDeletion: {
            /**
             * @description Asked for in a session that was opened with the password
             * @example correct horse battery staple
             */
            password?: string;
            /**
             * Format: date-time
             * @description When the account goes, at most 30 days ahead; until then it can be cancelled
             * @example 2026-12-01T09:00:00Z
             */
            effective_at?: string;
            /** @description True says the same as leaving effective_at out */
            immediate?: boolean;
        };
        ErasureStatus: {
            /** Format: uuid */
            erasure_id: string;
            /**
             * @description scheduled waits for its time; held and dead wait for an operator; provisional is erased and waits for the sweep of late uploads; final is proven
             * @enum {string}
             */
            state: "scheduled" | "held" | "pending" | "running" | "provisional" | "final" | "cancelled" | "dead";
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            requested_at: string;
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            effective_at: string;
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            provisional_at: string | null;
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            late_sweep_at: string | null;
            /**
             * Format: date-time
             * @example 2026-11-22T09:00:00.000Z
             */
            finished_at: string | null;
            counts?: {
                before: components["schemas"]["ErasureCounts"];
                after: components["schemas"]["ErasureCounts"] & (Record<string, never> | null);
            };
            /** @description The newest receipt, canonical JSON as it was signed */
            receipt?: string;
        };
        ErasureCounts: {
            tables: {
                [key: string]: number;
            };
            buckets: {
                [key: string]: {
                    objects: number;
                    bytes: number;
                };
            };
        };
        ProfileChanges: {
            /** @example Mina Park */
            display_name?: string | null;
            /** @example Entertainment */
            industry?: string | null;
            /** @example Video editor */
            job_title?: string | null;
            email_consent?: boolean;
            face_consent?: boolean;
            /** @example email-2026-11 */
            consent_text_version?: string;
            /**
             * @example {
             *       "theme": "dark",
             *       "autoplay": null
             *     }
             */
            preferences?: {
                [key: string]: string | number | boolean | null;
            };
        };
        Usage: {
            /**
             * @example free
             * @enum {string}
             */
            tier: "free" | "pro" | "enterprise";
            /** @example 1 */
            uploads_today: number;
            /** @example 3 */
            uploads_per_day: number;
            /** @example true */
            can_upload: boolean;
            /**
             * Format: date-time
             * @example 2026-11-23T00:00:00Z
             */
            uploads_reset_at: string;
            /** @example 12 */
            videos: number;
            /** @example 4 */
            people: number;
            /** @example 371 */
            scenes: number;
            /** @example 734003200 */
            storage_bytes: number;
        };
        OpenExport: {
            /**
             * Format: uuid
             * @example 0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11
             */
            export_id: string;
            /** @enum {string} */
            state: "pending" | "running";
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            requested_at: string;
        };
        Export: {
            /**
             * Format: uuid
             * @example 0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11
             */
            export_id: string;
            /** @enum {string} */
            state: "pending" | "running" | "completed" | "failed" | "expired" | "cancelled";
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            requested_at: string;
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            started_at: string | null;
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            finished_at: string | null;
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            expires_at: string | null;
            /** @example null */
            reason: string | null;
            files: components["schemas"]["ExportFile"][];
        };
        ExportFile: {
            /** @example heimdex-export.zip */
            name: string;
            /** @example 482113 */
            size_bytes: number;
            sha256: string;
            /** Format: uri */
            url: string;
            /**
             * Format: date-time
             * @example 2026-11-22T18:15:00.000Z
             */
            expires_at: string;
        };
        UploadTicket: {
            /** Format: uuid */
            video_id: string;
            /** @example uploads */
            bucket: string;
            path: string;
            token: string;
            /** Format: uri */
            upload_url: string;
            /**
             * @description Seconds the URL lives
             * @enum {number}
             */
            expires_in: 7200;
        };
        InitUpload: {
            /** @example kitchen.mp4 */
            filename: string;
            /** @enum {string} */
            mime_type: "video/mp4" | "video/quicktime" | "video/x-msvideo" | "video/x-matroska" | "video/webm";
            /** @example 12693 */
            size_bytes: number;
            /** @example Kitchen tour */
            title?: string;
            /** @example A walk through the new kitchen */
            description?: string;
            /**
             * @example [
             *       "kitchen",
             *       "home"
             *     ]
             */
            tags?: string[];
            /** @example en */
            language?: string;
            /** Format: uuid */
            organization_id?: string;
        };
        CompletedUpload: {
            /** Format: uuid */
            video_id: string;
            /** @enum {string} */
            state: "uploading" | "validating" | "processing" | "indexed" | "failed";
            message: string;
        };
        CompleteUpload: {
            /** Format: uuid */
            video_id: string;
        };
        VideoList: {
            videos: components["schemas"]["Video"][];
            next_cursor: string | null;
            has_more: boolean;
            total?: number;
        };
        Video: {
            /** Format: uuid */
            video_id: string;
            /** Format: uuid */
            user_id: string | null;
            /** Format: uuid */
            organization_id: string | null;
            title: string | null;
            description: string | null;
            tags: string[];
            filename: string | null;
            language: string | null;
            mime_type: string;
            size_bytes: number;
            /** @description Seconds */
            duration_s: number | null;
            /** @enum {string} */
            state: "uploading" | "validating" | "processing" | "indexed" | "failed";
            error_text: string | null;
            /**
             * Format: uri
             * @description Lives one hour
             */
            thumbnail_url: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            indexed_at: string | null;
        };
        VideoStatus: {
            /** Format: uuid */
            video_id: string;
            /** @enum {string} */
            state: "uploading" | "validating" | "processing" | "indexed" | "failed";
            error_text: string | null;
            jobs: components["schemas"]["Job"][];
        };
        Job: {
            /** Format: uuid */
            job_id: string;
            /** @enum {string} */
            stage: "upload_validate" | "audio_extract" | "asr_fast" | "scene_detect" | "align_merge" | "embed_text" | "vision_sample_frames" | "vision_embed_frames" | "vision_affect_tags" | "faces_enroll_match" | "sidecar_build" | "commit";
            /** @enum {string} */
            state: "pending" | "running" | "completed" | "failed" | "cancelled";
            /** @description From 0 to 1 */
            progress: number;
            error_text: string | null;
            /** Format: date-time */
            started_at: string | null;
            /** Format: date-time */
            finished_at: string | null;
        };
        SceneList: {
            scenes: components["schemas"]["Scene"][];
            next_cursor: string | null;
            has_more: boolean;
            total?: number;
        };
        Scene: {
            /** Format: uuid */
            scene_id: string;
            /** Format: uuid */
            video_id: string;
            /** @description Seconds from the start of the video */
            start_s: number;
            end_s: number;
            transcript: string | null;
            /**
             * Format: uri
             * @description Lives one hour
             */
            thumbnail_url: string | null;
            people: {
                /** Format: uuid */
                person_id: string;
                name: string;
                confidence: number;
            }[];
        };
        /** @description What is missing stays, null clears */
        UpdateVideo: {
            /** @example Kitchen tour */
            title?: string | null;
            /** @example A walk through the new kitchen */
            description?: string | null;
            /**
             * @example [
             *       "kitchen",
             *       "home"
             *     ]
             */
            tags?: string[] | null;
            /** @example en */
            language?: string | null;
        };
        PersonList: {
            people: components["schemas"]["Person"][];
            next_cursor: string | null;
            has_more: boolean;
            total?: number;
        };
        Person: {
            /** Format: uuid */
            person_id: string;
            /** Format: uuid */
            user_id: string;
            /** @example Minji */
            name: string;
            photo_count: number;
            /** Format: date-time */
            created_at: string;
        };
        PersonName: {
            /** @example Minji */
            name: string;
        };
        PhotoTicket: {
            /** Format: uri */
            upload_url: string;
            token: string;
            /** @enum {string} */
            bucket: "uploads";
            path: string;
            photo_key: string;
            /** @enum {number} */
            expires_in: 7200;
        };
        PhotoRequest: {
            /** @enum {string} */
            content_type: "image/jpeg" | "image/png";
            size_bytes?: number;
        };
        PhotoState: {
            /** Format: uuid */
            person_id: string;
            photo_count: number;
            message: string;
        };
        PhotoCompletion: {
            photo_key: string;
        };
        PeopleMerge: {
            /**
             * Format: uuid
             * @description The person who stays, with the own name
             */
            into: string;
        };
        PersonSceneList: {
            scenes: components["schemas"]["PersonScene"][];
            next_cursor: string | null;
            has_more: boolean;
            total?: number;
        };
        PersonScene: {
            /** Format: uuid */
            scene_id: string;
            /** Format: uuid */
            video_id: string;
            video_title: string | null;
            /** @description Seconds from the start of the video */
            start_s: number;
            end_s: number;
            transcript: string | null;
            /**
             * Format: uri
             * @description Lives one hour
             */
            thumbnail_url: string | null;
            /** @description From 0 to 1 */
            confidence: number;
            frame_count: number;
        };
        SearchResponse: {
            query: string | null;
            /**
             * @description What was used
             * @enum {string}
             */
            search_type: "text" | "vector" | "hybrid";
            /**
             * @description Why vectors were not used although they were asked for: the embedder failed, or the database has no pgvector
             * @enum {string}
             */
            degraded?: "embedder_unavailable" | "vectors_unavailable";
            results: components["schemas"]["SearchHit"][];
            next_cursor: string | null;
            has_more: boolean;
        };
        SearchHit: {
            /**
             * Format: uuid
             * @description null for a video without scenes that its title, tags or description found
             */
            scene_id: string | null;
            /** Format: uuid */
            video_id: string;
            video_title: string | null;
            /** @description Seconds from the start of the video */
            start_s: number;
            end_s: number;
            /** @example 00:01:05.250 */
            timecode: string;
            transcript: string | null;
            highlights: {
                /**
                 * @description HTML-escaped, matches in <mark>
                 * @example the <mark>red</mark> car
                 */
                text: string;
                start_s: number;
                timecode: string;
            }[];
            /** @description Reciprocal rank fusion; compares within one search */
            score: number;
            /**
             * @description With explain: the place in each branch from 1, null where it is not in it. From 2,001 on stand titles that differ by a letter, and scenes that hold a part of the words in a video whose title, tags or description hold the rest
             * @example {
             *       "text": 1,
             *       "metadata": null,
             *       "people": null,
             *       "vector": 4
             *     }
             */
            ranks?: {
                text?: number | null;
                metadata?: number | null;
                people?: number | null;
                vector?: number | null;
            };
        };
        SearchRequest: {
            /**
             * @description Words, "a phrase", -without, this or that
             * @example "red car" -night
             */
            q?: string;
            /** @description 1152 numbers of the query's embedding */
            vector?: number[];
            /** @default 10 */
            limit?: number;
            cursor?: string;
            /** Format: uuid */
            video_id?: string;
            /** Format: uuid */
            organization_id?: string;
            /** @example en */
            language?: string;
            /**
             * Format: date-time
             * @example 2026-11-01T00:00:00Z
             */
            created_from?: string;
            /**
             * Format: date-time
             * @example 2026-11-01T00:00:00Z
             */
            created_to?: string;
            /** @description Scenes in which each of these people appears */
            person_id?: string[];
            min_duration?: number;
            max_duration?: number;
            /**
             * @description What each branch weighs in the score
             * @example {
             *       "text": 0.3,
             *       "metadata": 0.3,
             *       "people": 0.3,
             *       "vector": 0.7
             *     }
             */
            weights?: {
                text?: number;
                metadata?: number;
                people?: number;
                vector?: number;
            };
            /** @default false */
            explain?: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export interface operations {
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "mina@example.com",
                 *       "password": "correct horse battery staple",
                 *       "display_name": "Mina Park"
                 *     }
                 */
                "application/json": components["schemas"]["Registration"];
            };
        };
        responses: {
            /** @description A session, where the project does not ask to confirm addresses */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "example.of-a.token",
                     *       "token_type": "bearer",
                     *       "expires_in": 3600,
                     *       "refresh_token": "v1a2b3c4d5e6",
                     *       "user": {
                     *         "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *         "email": "mina@example.com",
                     *         "email_verified": true,
                     *         "display_name": "Mina Park",
                     *         "onboarding_completed": true,
                     *         "industry": "Shipping",
                     *         "job_title": "Archivist",
                     *         "email_consent": true,
                     *         "preferences": {
                     *           "theme": "dark"
                     *         },
                     *         "tier": "free",
                     *         "created_at": "2026-11-22T10:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description A confirmation mail is on its way */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If this address can be registered, a confirmation mail is on its way"
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "mina@example.com",
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["Credentials"];
            };
        };
        responses: {
            /** @description The session */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "example.of-a.token",
                     *       "token_type": "bearer",
                     *       "expires_in": 3600,
                     *       "refresh_token": "v1a2b3c4d5e6",
                     *       "user": {
                     *         "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *         "email": "mina@example.com",
                     *         "email_verified": true,
                     *         "display_name": "Mina Park",
                     *         "onboarding_completed": true,
                     *         "industry": "Shipping",
                     *         "job_title": "Archivist",
                     *         "email_consent": true,
                     *         "preferences": {
                     *           "theme": "dark"
                     *         },
                     *         "tier": "free",
                     *         "created_at": "2026-11-22T10:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "v1a2b3c4d5e6"
                 *     }
                 */
                "application/json": components["schemas"]["RefreshRequest"];
            };
        };
        responses: {
            /** @description The session; the refresh token is a new one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "example.of-a.token",
                     *       "token_type": "bearer",
                     *       "expires_in": 3600,
                     *       "refresh_token": "v1a2b3c4d5e6",
                     *       "user": {
                     *         "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *         "email": "mina@example.com",
                     *         "email_verified": true,
                     *         "display_name": "Mina Park",
                     *         "onboarding_completed": true,
                     *         "industry": "Shipping",
                     *         "job_title": "Archivist",
                     *         "email_consent": true,
                     *         "preferences": {
                     *           "theme": "dark"
                     *         },
                     *         "tier": "free",
                     *         "created_at": "2026-11-22T10:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "scope": "local"
                 *     }
                 */
                "application/json": components["schemas"]["LogoutRequest"];
            };
        };
        responses: {
            /** @description The sessions are over; their tokens are refused at once */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    sendPasswordReset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "mina@example.com",
                 *       "redirect_to": "https://app.example.com/welcome"
                 *     }
                 */
                "application/json": components["schemas"]["MailRequest"];
            };
        };
        responses: {
            /** @description A mail is on its way if the address is known */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If an account with this address exists, a mail with a reset link is on its way"
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    updatePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "battery staple correct horse"
                 *     }
                 */
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description The password is changed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    sendMagicLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "mina@example.com",
                 *       "redirect_to": "https://app.example.com/welcome"
                 *     }
                 */
                "application/json": components["schemas"]["MailRequest"];
            };
        };
        responses: {
            /** @description A mail is on its way if the address is known */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If an account with this address exists, a mail with a sign-in link is on its way"
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    verify: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "signup",
                 *       "email": "mina@example.com",
                 *       "token": "123456"
                 *     }
                 */
                "application/json": components["schemas"]["Verification"];
            };
        };
        responses: {
            /** @description The session */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "example.of-a.token",
                     *       "token_type": "bearer",
                     *       "expires_in": 3600,
                     *       "refresh_token": "v1a2b3c4d5e6",
                     *       "user": {
                     *         "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *         "email": "mina@example.com",
                     *         "email_verified": true,
                     *         "display_name": "Mina Park",
                     *         "onboarding_completed": true,
                     *         "industry": "Shipping",
                     *         "job_title": "Archivist",
                     *         "email_consent": true,
                     *         "preferences": {
                     *           "theme": "dark"
                     *         },
                     *         "tier": "free",
                     *         "created_at": "2026-11-22T10:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description A change of address waits for the confirmation in the other mail */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "Confirmed, now follow the link in the mail to the other address"
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    completeOnboarding: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "industry": "Shipping",
                 *       "job_title": "Archivist",
                 *       "email_consent": true
                 *     }
                 */
                "application/json": components["schemas"]["Onboarding"];
            };
        };
        responses: {
            /** @description The profile after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "email": "mina@example.com",
                     *       "email_verified": true,
                     *       "display_name": "Mina Park",
                     *       "onboarding_completed": true,
                     *       "industry": "Shipping",
                     *       "job_title": "Archivist",
                     *       "email_consent": true,
                     *       "preferences": {
                     *         "theme": "dark"
                     *       },
                     *       "tier": "free",
                     *       "created_at": "2026-11-22T10:00:00.000Z",
                     *       "refresh_required": true
                     *     }
                     */
                    "application/json": components["schemas"]["ChangedProfile"];
                };
            };
        };
    };
    getErasurePreview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Counts and bytes as of now; nothing is changed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "videos": {
                     *         "count": 1,
                     *         "bytes": 12693
                     *       },
                     *       "scenes": {
                     *         "count": 2
                     *       },
                     *       "people": {
                     *         "count": 1
                     *       },
                     *       "photos": {
                     *         "count": 1,
                     *         "bytes": 70
                     *       },
                     *       "files": {
                     *         "uploads": {
                     *           "count": 2,
                     *           "bytes": 12763
                     *         },
                     *         "thumbnails": {
                     *           "count": 0,
                     *           "bytes": 0
                     *         }
                     *       },
                     *       "tables": {
                     *         "public.videos": 1,
                     *         "public.scenes": 2,
                     *         "public.face_profiles": 1
                     *       },
                     *       "organization_videos": {
                     *         "count": 0,
                     *         "bytes": 0
                     *       },
                     *       "blocked_by": [],
                     *       "confirmation": "password",
                     *       "second_factor_required": false
                     *     }
                     */
                    "application/json": components["schemas"]["ErasurePreview"];
                };
            };
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery staple"
                 *     }
                 */
                "application/json": components["schemas"]["AccountDeletion"];
            };
        };
        responses: {
            /** @description The erasure; its status token is shown this once and outlives the account */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "erasure_id": "3f9d1c5e-6b7a-4e8f-a0b1-c2d3e4f5a6b7",
                     *       "state": "pending",
                     *       "effective_at": "2026-11-22T12:00:00.000Z",
                     *       "status_token": "erasure_exampleexampleexampleexampleexampleexamples"
                     *     }
                     */
                    "application/json": components["schemas"]["DeletionTicket"];
                };
            };
        };
    };
    getErasure: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the erasure stands, with the newest receipt when there is one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "erasure_id": "3f9d1c5e-6b7a-4e8f-a0b1-c2d3e4f5a6b7",
                     *       "requested_at": "2026-11-22T12:00:00.000Z",
                     *       "effective_at": "2026-11-22T12:00:00.000Z",
                     *       "state": "provisional",
                     *       "provisional_at": "2026-11-22T12:00:04.000Z",
                     *       "late_sweep_at": "2026-11-22T14:05:04.000Z",
                     *       "finished_at": null,
                     *       "counts": {
                     *         "before": {
                     *           "tables": {
                     *             "public.videos": 1,
                     *             "public.scenes": 2
                     *           },
                     *           "buckets": {
                     *             "uploads": {
                     *               "objects": 2,
                     *               "bytes": 12763
                     *             }
                     *           }
                     *         },
                     *         "after": {
                     *           "tables": {
                     *             "public.videos": 0,
                     *             "public.scenes": 0
                     *           },
                     *           "buckets": {
                     *             "uploads": {
                     *               "objects": 0,
                     *               "bytes": 0
                     *             }
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ErasureStatus"];
                };
            };
        };
    };
    cancelErasure: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The erasure is cancelled */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "erasure_id": "3f9d1c5e-6b7a-4e8f-a0b1-c2d3e4f5a6b7",
                     *       "requested_at": "2026-11-22T12:00:00.000Z",
                     *       "effective_at": "2026-12-01T09:00:00.000Z",
                     *       "state": "cancelled",
                     *       "provisional_at": null,
                     *       "late_sweep_at": null,
                     *       "finished_at": null
                     *     }
                     */
                    "application/json": components["schemas"]["ErasureStatus"];
                };
            };
        };
    };
    getProfile: {
        parameters: {
            query?: {
                fresh?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The profile */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "email": "mina@example.com",
                     *       "email_verified": true,
                     *       "display_name": "Mina Park",
                     *       "onboarding_completed": true,
                     *       "industry": "Shipping",
                     *       "job_title": "Archivist",
                     *       "email_consent": true,
                     *       "preferences": {
                     *         "theme": "dark"
                     *       },
                     *       "tier": "free",
                     *       "created_at": "2026-11-22T10:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Profile"];
                };
            };
        };
    };
    updateProfile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "display_name": "Mina Park",
                 *       "preferences": {
                 *         "theme": "dark",
                 *         "autoplay": null
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["ProfileChanges"];
            };
        };
        responses: {
            /** @description The profile after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "email": "mina@example.com",
                     *       "email_verified": true,
                     *       "display_name": "Mina Park",
                     *       "onboarding_completed": true,
                     *       "industry": "Shipping",
                     *       "job_title": "Archivist",
                     *       "email_consent": true,
                     *       "preferences": {
                     *         "theme": "dark"
                     *       },
                     *       "tier": "free",
                     *       "created_at": "2026-11-22T10:00:00.000Z",
                     *       "refresh_required": true
                     *     }
                     */
                    "application/json": components["schemas"]["ChangedProfile"];
                };
            };
        };
    };
    getUsage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Uploads of the UTC day against the limit of the tier, and counts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "tier": "free",
                     *       "uploads_today": 1,
                     *       "uploads_per_day": 3,
                     *       "can_upload": true,
                     *       "uploads_reset_at": "2026-11-23T00:00:00.000Z",
                     *       "videos": 1,
                     *       "people": 1,
                     *       "scenes": 2,
                     *       "storage_bytes": 12693
                     *     }
                     */
                    "application/json": components["schemas"]["Usage"];
                };
            };
        };
    };
    requestExport: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The export that is under way */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "export_id": "0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11",
                     *       "state": "pending",
                     *       "requested_at": "2026-11-22T18:15:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["OpenExport"];
                };
            };
        };
    };
    getExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The export */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "export_id": "0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11",
                     *       "state": "completed",
                     *       "requested_at": "2026-11-22T18:15:00.000Z",
                     *       "started_at": "2026-11-22T18:15:20.000Z",
                     *       "finished_at": "2026-11-22T18:15:23.000Z",
                     *       "expires_at": "2026-11-29T18:15:23.000Z",
                     *       "reason": null,
                     *       "files": [
                     *         {
                     *           "name": "heimdex-export.zip",
                     *           "size_bytes": 482113,
                     *           "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                     *           "url": "https://project.supabase.co/storage/v1/object/sign/exports/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11/heimdex-export.zip?token=example.of-a.token",
                     *           "expires_at": "2026-11-22T19:20:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Export"];
                };
            };
        };
    };
    initUpload: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeated request with the same key answers the same video */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "filename": "harbour.mp4",
                 *       "mime_type": "video/mp4",
                 *       "size_bytes": 12693,
                 *       "title": "Harbour at dawn",
                 *       "tags": [
                 *         "harbour"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["InitUpload"];
            };
        };
        responses: {
            /** @description The video waits for its file */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "bucket": "uploads",
                     *       "path": "videos/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31.mp4",
                     *       "token": "example.of-a.token",
                     *       "upload_url": "https://project.supabase.co/storage/v1/object/upload/sign/uploads/videos/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31.mp4?token=example.of-a.token",
                     *       "expires_in": 7200
                     *     }
                     */
                    "application/json": components["schemas"]["UploadTicket"];
                };
            };
        };
    };
    completeUpload: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31"
                 *     }
                 */
                "application/json": components["schemas"]["CompleteUpload"];
            };
        };
        responses: {
            /** @description The file is there as announced */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "state": "validating",
                     *       "message": "The upload has arrived and is being checked"
                     *     }
                     */
                    "application/json": components["schemas"]["CompletedUpload"];
                };
            };
        };
    };
    listVideos: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                count?: "exact";
                state?: "uploading" | "validating" | "processing" | "indexed" | "failed";
                /** @description Videos of this organization; "none" for videos of no organization */
                organization_id?: string;
                /** @description Videos in which this person of the caller appears */
                person_id?: string;
                created_from?: string;
                created_to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "videos": [
                     *         {
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *           "organization_id": null,
                     *           "title": "Harbour at dawn",
                     *           "description": "Cranes and containers before the first ship",
                     *           "tags": [
                     *             "harbour"
                     *           ],
                     *           "filename": "harbour.mp4",
                     *           "language": "en",
                     *           "mime_type": "video/mp4",
                     *           "size_bytes": 12693,
                     *           "duration_s": 3,
                     *           "state": "indexed",
                     *           "error_text": null,
                     *           "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *           "created_at": "2026-11-22T10:05:00.000Z",
                     *           "indexed_at": "2026-11-22T10:06:10.000Z"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["VideoList"];
                };
            };
        };
    };
    getVideo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The video */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "organization_id": null,
                     *       "title": "Harbour at dawn",
                     *       "description": "Cranes and containers before the first ship",
                     *       "tags": [
                     *         "harbour"
                     *       ],
                     *       "filename": "harbour.mp4",
                     *       "language": "en",
                     *       "mime_type": "video/mp4",
                     *       "size_bytes": 12693,
                     *       "duration_s": 3,
                     *       "state": "indexed",
                     *       "error_text": null,
                     *       "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *       "created_at": "2026-11-22T10:05:00.000Z",
                     *       "indexed_at": "2026-11-22T10:06:10.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Video"];
                };
            };
        };
    };
    deleteVideo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing of the video is left */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateVideo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "title": "Harbour at dawn",
                 *       "description": null,
                 *       "tags": [
                 *         "harbour",
                 *         "cranes"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["UpdateVideo"];
            };
        };
        responses: {
            /** @description The video as changed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "organization_id": null,
                     *       "title": "Harbour at dawn",
                     *       "description": null,
                     *       "tags": [
                     *         "harbour",
                     *         "cranes"
                     *       ],
                     *       "filename": "harbour.mp4",
                     *       "language": "en",
                     *       "mime_type": "video/mp4",
                     *       "size_bytes": 12693,
                     *       "duration_s": 3,
                     *       "state": "indexed",
                     *       "error_text": null,
                     *       "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *       "created_at": "2026-11-22T10:05:00.000Z",
                     *       "indexed_at": "2026-11-22T10:06:10.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Video"];
                };
            };
        };
    };
    getVideoStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description State of the video and of each of its jobs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "state": "processing",
                     *       "error_text": null,
                     *       "jobs": [
                     *         {
                     *           "job_id": "d4c3b2a1-0f9e-4d8c-b7a6-958473625140",
                     *           "stage": "asr_fast",
                     *           "state": "running",
                     *           "progress": 0.4,
                     *           "error_text": null,
                     *           "started_at": "2026-11-22T10:05:40.000Z",
                     *           "finished_at": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["VideoStatus"];
                };
            };
        };
    };
    listScenes: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "scenes": [
                     *         {
                     *           "scene_id": "7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e",
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "start_s": 0,
                     *           "end_s": 1,
                     *           "transcript": "Good morning, this is the harbour",
                     *           "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *           "people": [
                     *             {
                     *               "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *               "name": "Captain Han",
                     *               "confidence": 0.93
                     *             }
                     *           ]
                     *         },
                     *         {
                     *           "scene_id": "8c8b0a1d-3e6f-4d2b-8c8f-2a3b4c5d6e7f",
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "start_s": 1.25,
                     *           "end_s": 2.75,
                     *           "transcript": "Two cranes lift the blue containers",
                     *           "thumbnail_url": null,
                     *           "people": []
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["SceneList"];
                };
            };
        };
    };
    putCaptions: {
        parameters: {
            query?: {
                language?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example WEBVTT
                 *
                 *     00:00.000 --> 00:01.000
                 *     Good morning, this is the harbour
                 *
                 *     00:01.250 --> 00:02.750
                 *     Two cranes lift the blue containers
                 */
                "text/vtt": string;
                /**
                 * @example 1
                 *     00:00:00,000 --> 00:00:01,000
                 *     Good morning, this is the harbour
                 *
                 *     2
                 *     00:00:01,250 --> 00:00:02,750
                 *     Two cranes lift the blue containers
                 */
                "application/x-subrip": string;
            };
        };
        responses: {
            /** @description The video, now indexed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "organization_id": null,
                     *       "title": "Harbour at dawn",
                     *       "description": "Cranes and containers before the first ship",
                     *       "tags": [
                     *         "harbour"
                     *       ],
                     *       "filename": "harbour.mp4",
                     *       "language": "en",
                     *       "mime_type": "video/mp4",
                     *       "size_bytes": 12693,
                     *       "duration_s": 3,
                     *       "state": "indexed",
                     *       "error_text": null,
                     *       "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *       "created_at": "2026-11-22T10:05:00.000Z",
                     *       "indexed_at": "2026-11-22T10:06:10.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Video"];
                };
            };
        };
    };
    listPeople: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
                count?: "exact";
                /** @description How the name begins, in any case */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "people": [
                     *         {
                     *           "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *           "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *           "name": "Captain Han",
                     *           "photo_count": 1,
                     *           "created_at": "2026-11-22T10:10:00.000Z"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["PersonList"];
                };
            };
        };
    };
    createPerson: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Captain Han"
                 *     }
                 */
                "application/json": components["schemas"]["PersonName"];
            };
        };
        responses: {
            /** @description The new person */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "name": "Captain Han",
                     *       "photo_count": 0,
                     *       "created_at": "2026-11-22T10:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Person"];
                };
            };
        };
    };
    getPerson: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "name": "Captain Han",
                     *       "photo_count": 1,
                     *       "created_at": "2026-11-22T10:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Person"];
                };
            };
        };
    };
    deletePerson: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The person is gone */
            204: {
                headers: {
                    /** @description Names the erasure in its receipts */
                    "x-erasure-id": string;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    renamePerson: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Captain Han"
                 *     }
                 */
                "application/json": components["schemas"]["PersonName"];
            };
        };
        responses: {
            /** @description The renamed person */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "name": "Captain Han",
                     *       "photo_count": 1,
                     *       "created_at": "2026-11-22T10:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Person"];
                };
            };
        };
    };
    createPhoto: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "content_type": "image/png",
                 *       "size_bytes": 70
                 *     }
                 */
                "application/json": components["schemas"]["PhotoRequest"];
            };
        };
        responses: {
            /** @description Where to upload the photo */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "upload_url": "https://project.supabase.co/storage/v1/object/upload/sign/uploads/faces/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d/photo_1795341600000.png?token=example.of-a.token",
                     *       "token": "example.of-a.token",
                     *       "bucket": "uploads",
                     *       "path": "faces/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d/photo_1795341600000.png",
                     *       "photo_key": "faces/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d/photo_1795341600000.png",
                     *       "expires_in": 7200
                     *     }
                     */
                    "application/json": components["schemas"]["PhotoTicket"];
                };
            };
        };
    };
    completePhoto: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "photo_key": "faces/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d/photo_1795341600000.png"
                 *     }
                 */
                "application/json": components["schemas"]["PhotoCompletion"];
            };
        };
        responses: {
            /** @description The photo belongs to the person */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *       "photo_count": 1,
                     *       "message": "The photo belongs to the person"
                     *     }
                     */
                    "application/json": components["schemas"]["PhotoState"];
                };
            };
        };
    };
    mergePeople: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "into": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d"
                 *     }
                 */
                "application/json": components["schemas"]["PeopleMerge"];
            };
        };
        responses: {
            /** @description The person who stays */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "person_id": "b2a1c0d9-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
                     *       "user_id": "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
                     *       "name": "Captain Han",
                     *       "photo_count": 2,
                     *       "created_at": "2026-11-22T10:10:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Person"];
                };
            };
        };
    };
    listPersonScenes: {
        parameters: {
            query?: {
                limit?: number;
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "scenes": [
                     *         {
                     *           "scene_id": "7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e",
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "video_title": "Harbour at dawn",
                     *           "start_s": 0,
                     *           "end_s": 1,
                     *           "transcript": "Good morning, this is the harbour",
                     *           "thumbnail_url": "https://project.supabase.co/storage/v1/object/sign/thumbnails/5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11/0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31/7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e.jpg?token=example.of-a.token",
                     *           "confidence": 0.93,
                     *           "frame_count": 24
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["PersonSceneList"];
                };
            };
        };
    };
    getSearch: {
        parameters: {
            query: {
                /** @description Words, "a phrase", -without, this or that */
                q: string;
                limit?: number;
                cursor?: string;
                video_id?: string;
                organization_id?: string;
                language?: string;
                created_from?: string;
                created_to?: string;
                /** @description Scenes in which each of these people appears */
                person_id?: string[];
                /** @description Seconds of the video */
                min_duration?: number;
                /** @description Seconds of the video */
                max_duration?: number;
                explain?: "true" | "false";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page of hits, best first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "query": "blue containers",
                     *       "search_type": "text",
                     *       "results": [
                     *         {
                     *           "scene_id": "8c8b0a1d-3e6f-4d2b-8c8f-2a3b4c5d6e7f",
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "video_title": "Harbour at dawn",
                     *           "start_s": 1.25,
                     *           "end_s": 2.75,
                     *           "timecode": "00:00:01.250",
                     *           "transcript": "Two cranes lift the blue containers",
                     *           "highlights": [
                     *             {
                     *               "text": "Two cranes lift the <mark>blue</mark> <mark>containers</mark>",
                     *               "start_s": 1.25,
                     *               "timecode": "00:00:01.250"
                     *             }
                     *           ],
                     *           "score": 0.0164
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["SearchResponse"];
                };
            };
        };
    };
    postSearch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "q": "blue containers",
                 *       "limit": 10,
                 *       "explain": true
                 *     }
                 */
                "application/json": components["schemas"]["SearchRequest"];
            };
        };
        responses: {
            /** @description One page of hits, best first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "query": "blue containers",
                     *       "search_type": "text",
                     *       "results": [
                     *         {
                     *           "scene_id": "7b7a9f0c-2d5e-4c1a-9b7e-1f2a3b4c5d6e",
                     *           "video_id": "0f0f7a3e-93a4-4b0f-8f0b-6c9a0d1e2b31",
                     *           "video_title": "Harbour at dawn",
                     *           "start_s": 1.25,
                     *           "end_s": 2.75,
                     *           "timecode": "00:00:01.250",
                     *           "transcript": "Two cranes lift the blue containers",
                     *           "highlights": [
                     *             {
                     *               "text": "Two cranes lift the <mark>blue</mark> <mark>containers</mark>",
                     *               "start_s": 1.25,
                     *               "timecode": "00:00:01.250"
                     *             }
                     *           ],
                     *           "score": 0.0164,
                     *           "ranks": {
                     *             "text": 1,
                     *             "metadata": 1,
                     *             "people": null,
                     *             "vector": null
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "has_more": false
                     *     }
                     */
                    "application/json": components["schemas"]["SearchResponse"];
                };
            };
        };
    };
}
